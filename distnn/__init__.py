"""distnn trains feed-forward neural networks on clusters of CPUs, exactly and on all of the data, over MPI.

import distnn

network = distnn.Network([2, 8, 1], output_theta="identity")
model = distnn.fit(X, Y, network, comm=comm, eta=0.1, max_iterations=500).model
predictions = model(X_new)
"""

from distnn.api import Fit, fit
from distnn.errors import RankError, UserError
from distnn.inference.model import Model, load_model
from distnn.network.network import Network

__version__ = "0.1.0"
__all__ = ["Fit", "Model", "Network", "RankError", "UserError", "fit", "load_model"]
