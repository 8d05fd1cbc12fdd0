"""Writes a NumPyro model with its data, or any JAX log density, as one program file that `drey run` samples.

numpyro_model exports a NumPyro model, log_density a function of JAX arrays. What a file holds is in docs/drey-file.md of
drey's sources.
"""

__version__ = "0.1.0"

from drey_export.density import log_density
from drey_export.errors import ExportError
from drey_export.model import numpyro_model

__all__ = ["ExportError", "log_density", "numpyro_model"]
