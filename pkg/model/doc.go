// Package model is the modelling language: sample, param, plate, deterministic, factor; handlers; reparam; Predictive; a model's log density (Target).
//
// A model is a Go function of a *Context that declares random variables, plates of independent ones, observations. It
// runs while a program is traced, once for each program of the model's Bundle, and computes nothing itself:
//
//	func EightSchools(c *model.Context, d Schools) {
//		mu := c.Sample("mu", dist.Normal(0, 5))
//		tau := c.Sample("tau", dist.HalfCauchy(5))
//		school := c.Plate("school", d.Sigma.Dim(0))
//		theta := school.Sample("theta", dist.Normal(mu, tau))
//		school.Observe("obs", dist.Normal(theta, d.Sigma), d.Y)
//	}
//
// Data reach it as a struct with tags; New says which. Handlers change what a model's sites do: With(m, Condition(…)).
// A model must be a pure function of its arguments: it runs several times and must declare the same sites each time.
// Misuse panics with a *tensor.Error that names the site and the place in the model, and Compile returns it.
package model
