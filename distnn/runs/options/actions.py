"""What to do instead of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

ACTIONS = "Instead of training"


@dataclass(frozen=True, kw_only=True)
class ActionOptions:
    """Print something, and do nothing else."""

    print_config: Annotated[
        bool,
        ACTIONS,
        "Print all options of this run as TOML, and do nothing else.",
    ] = False
    dry_run: Annotated[
        bool,
        ACTIONS,
        "Print what would run: shards, blocks, weights, memory, operations; and do nothing else.",
    ] = False
