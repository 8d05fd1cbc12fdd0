package dist

var scalarReferences = []scalarReference{
	{"Normal", false, func(_ string, a args) Distribution { return Normal(a["loc"], a["scale"]) }},
	{"HalfNormal", false, func(_ string, a args) Distribution { return HalfNormal(a["scale"]) }},
	{"Cauchy", false, func(_ string, a args) Distribution { return Cauchy(a["loc"], a["scale"]) }},
	{"HalfCauchy", false, func(_ string, a args) Distribution { return HalfCauchy(a["scale"]) }},
	{"LogNormal", false, func(_ string, a args) Distribution { return LogNormal(a["loc"], a["scale"]) }},
	{"Uniform", false, func(_ string, a args) Distribution { return Uniform(a["low"], a["high"]) }},
	{"Exponential", false, func(_ string, a args) Distribution { return Exponential(a["rate"]) }},
	{"BernoulliProbs", true, func(_ string, a args) Distribution { return Bernoulli(a["probs"]) }},
	{"BernoulliLogits", true, func(_ string, a args) Distribution { return BernoulliLogits(a["logits"]) }},
}
