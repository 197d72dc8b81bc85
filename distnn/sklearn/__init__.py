"""distnn as estimators of scikit-learn. ImportError, with the command that installs it, where that is missing.

from distnn.sklearn import MLPClassifier, MLPRegressor

model = MLPRegressor(hidden_layer_sizes=(30, 30), random_state=0).fit(X, y)

parameters.py: scikit-learn's names beside those of `fit`. estimator.py: what the two estimators, regressor.py and
classifier.py, have in common. ranks.py: which rows are whose. coefficients.py: the weights for inputs as they are.
"""

from distnn.errors import missing_package

try:
    from sklearn.utils.validation import validate_data  # noqa: F401 - is there from 1.6 on
except ImportError:
    raise ImportError(str(missing_package("scikit-learn (1.6 or newer)", "sklearn", "distnn.sklearn"))) from None

from distnn.sklearn.classifier import MLPClassifier
from distnn.sklearn.ranks import communicator
from distnn.sklearn.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "communicator"]
