"""A table in a file of each format."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_table(path: Path, table: np.ndarray) -> None:
    ending = path.suffix
    if ending == ".npy":
        np.save(path, table)
    elif ending == ".npz":
        np.savez_compressed(path, table)
    elif ending in (".parquet", ".arrow", ".feather"):
        import pyarrow
        from pyarrow import feather, parquet

        columns = pyarrow.table({str(i): column for i, column in enumerate(table.T)})
        if ending == ".parquet":
            parquet.write_table(columns, path, row_group_size=40)
        else:
            feather.write_feather(columns, str(path), compression="uncompressed", chunksize=40)
    elif ending in (".h5", ".nc"):
        import h5py

        with h5py.File(path, "w") as file:
            chunks = {"chunks": (min(len(table), 40), table.shape[1]), "compression": "gzip"} if len(table) else {}
            file.create_dataset("table", data=table, **chunks)
    else:
        delimiter = {".csv": ",", ".tsv": "\t", ".txt": " ", ".dat": " ", ".data": ","}[ending]
        path.write_text("\n".join(delimiter.join(map(repr, row)) for row in table.tolist()) + "\n")
