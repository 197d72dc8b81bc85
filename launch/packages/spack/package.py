# Copyright Spack Project Developers. See COPYRIGHT file for details.
#
# SPDX-License-Identifier: (Apache-2.0 OR MIT)

# Not published. Look first whether Spack's own collection has py-cyclopts: a repository that holds it must come before.

from spack_repo.builtin.build_systems.python import PythonPackage

from spack.package import *


class PyDistnn(PythonPackage):
    """Exact, full-batch training of feed-forward neural networks on clusters of CPUs, over MPI."""

    pypi = "distnn/distnn-0.1.0.tar.gz"

    license("MIT")

    version("0.1.0", sha256="0000000000000000000000000000000000000000000000000000000000000000")

    variant("tables", default=False, description="Read Parquet, Arrow and Feather")
    variant("hdf5", default=False, description="Read HDF5 and NetCDF-4")

    depends_on("c", type="build")

    depends_on("python@3.11:", type=("build", "run"))
    depends_on("py-setuptools@77:", type="build")
    depends_on("py-numpy@1.26:", type=("build", "run"))
    depends_on("py-mpi4py@4.0:", type=("build", "run"))
    depends_on("py-threadpoolctl@3.2:", type=("build", "run"))
    depends_on("py-safetensors@0.4:", type=("build", "run"))
    depends_on("py-cyclopts@4:", type=("build", "run"))
    depends_on("py-rich@13:", type=("build", "run"))
    depends_on("py-tomli-w@1:", type=("build", "run"))
    depends_on("py-pyarrow@15:", when="+tables", type=("build", "run"))
    depends_on("py-h5py@3.10:", when="+hdf5", type=("build", "run"))

    @run_after("install")
    @on_package_attributes(run_tests=True)
    def check_golden_results(self):
        """Small trainings have the bits that other machines computed."""
        with working_dir("spack-test", create=True):
            python("-m", "distnn.verify", "--golden")
