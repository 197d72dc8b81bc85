"""The terms of sums over D, computed on an accelerator by JAX: `--device`. In a training nothing else imports JAX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distnn.accelerator import devices
from distnn.errors import UserError

if TYPE_CHECKING:
    from distnn.accelerator.terms import AcceleratorTerms
    from distnn.data.shard import Examples
    from distnn.network.network import Network
    from distnn.parallel.ranks import Ranks

PRECISIONS = {"full": "highest", "tf32": "default"}  # as lax.Precision has them


def connect(
    device: str, precision: str, network: Network, error: str, dtype: str, examples: Examples, ranks: Ranks
) -> AcceleratorTerms:
    """Put the examples on this rank's device. Collective. device: a key of devices.PLATFORMS; precision: of PRECISIONS.

    UserError, on all ranks, without JAX or a device, for rows that do not fit there, or that are not in memory here.
    """
    if examples.in_files:
        raise UserError(
            f"--device {device} keeps all rows in memory, where they do not fit: raise --memory, take more nodes, "
            "--dtype float32, or --device cpu, which reads them in each pass."
        )
    found = devices.take(device, ranks)
    with ranks.sharing_errors():  # the first import of JAX proper
        from distnn.accelerator.mathematics import THETAS, Mathematics
        from distnn.accelerator.terms import AcceleratorTerms

        if network.theta not in THETAS:
            raise UserError(f"--device {device} knows {', '.join(THETAS)}, not {network.theta}: take --device cpu.")
        mathematics = Mathematics(network.d, network.theta, network.output_theta, error, PRECISIONS[precision])
    return AcceleratorTerms(mathematics, np.dtype(dtype), examples, ranks, found)
