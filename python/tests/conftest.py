import numpyro

numpyro.set_platform("cpu")
numpyro.enable_x64()
