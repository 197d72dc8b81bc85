"""Are the weights and the optimizer's state still the same on all ranks? A flipped bit or a faulty node ends that."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping

import numpy as np

from distnn.errors import RankError
from distnn.parallel.agreement import same
from distnn.parallel.ranks import Ranks
from distnn.storage.files import Apart, pieces


def digest(tensors: Mapping[str, np.ndarray | Apart]) -> str:
    """A hash of all bits of a state, given as arrays by name: 16 hexadecimal digits. Local."""
    hashed = hashlib.blake2b(digest_size=8)
    for name, value in sorted(tensors.items()):
        hashed.update(f"{name} {value.dtype} {value.shape}".encode())
        for piece in pieces(value):
            hashed.update(piece)
    return hashed.hexdigest()


def check(tensors: Mapping[str, np.ndarray | Apart], t: int, verified: int | None, ranks: Ranks) -> None:
    """RankError, on all ranks, if the state after iteration t is not the same on all of them. Collective.

    tensors: the state, arrays by name. verified: the iteration at which it last was, if known. The message names the
    ranks in the minority.
    """
    if ranks.size == 1:
        return
    mine = digest(tensors)
    if not same(mine, ranks):
        raise RankError(describe(ranks.gather(mine), t, verified))


def describe(digests: list[str], t: int, verified: int | None) -> str:
    """What differs, in words, and what to do."""
    (common, most), *_ = Counter(digests).most_common()
    odd = [rank for rank, digest in enumerate(digests) if digest != common]
    if 2 * most <= len(digests):
        who = f"the {len(digests)} ranks hold {len(set(digests))} different states, none of them in the majority"
    elif len(odd) == 1:
        who = f"rank {odd[0]} holds another state than the other {most} ranks"
    else:
        who = f"ranks {', '.join(map(str, odd))} hold other states than the other {most} ranks"
    since = "" if verified is None else f" At t = {verified} all were the same; remove newer checkpoints, if any."
    return (
        f"At t = {t} {who}: a memory, processor or link is at fault, or a BLAS that does not always compute the same."
        f"{since} Go on with --resume, on other nodes."
    )
