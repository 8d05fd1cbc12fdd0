package dist

// scalarReferences are the families whose reference rows have scalar values and parameters.
var scalarReferences = []scalarReference{
	{"Normal", false, func(_ string, a args) Distribution { return Normal(a["loc"], a["scale"]) }},
	{"HalfNormal", false, func(_ string, a args) Distribution { return HalfNormal(a["scale"]) }},
	{"Cauchy", false, func(_ string, a args) Distribution { return Cauchy(a["loc"], a["scale"]) }},
	{"HalfCauchy", false, func(_ string, a args) Distribution { return HalfCauchy(a["scale"]) }},
	{"StudentT", false, func(_ string, a args) Distribution { return StudentT(a["df"], a["loc"], a["scale"]) }},
	{"LogNormal", false, func(_ string, a args) Distribution { return LogNormal(a["loc"], a["scale"]) }},
	{"Laplace", false, func(_ string, a args) Distribution { return Laplace(a["loc"], a["scale"]) }},
	{"Uniform", false, func(_ string, a args) Distribution { return Uniform(a["low"], a["high"]) }},
	{"Exponential", false, func(_ string, a args) Distribution { return Exponential(a["rate"]) }},
	{"Gamma", false, func(_ string, a args) Distribution { return Gamma(a["concentration"], a["rate"]) }},
	{"InverseGamma", false, func(_ string, a args) Distribution { return InverseGamma(a["concentration"], a["rate"]) }},
	{"Chi2", false, func(_ string, a args) Distribution { return Chi2(a["df"]) }},
	{"Beta", false, func(_ string, a args) Distribution { return Beta(a["concentration1"], a["concentration0"]) }},
	{"Logistic", false, func(_ string, a args) Distribution { return Logistic(a["loc"], a["scale"]) }},
	{"Gumbel", false, func(_ string, a args) Distribution { return Gumbel(a["loc"], a["scale"]) }},
	{"Weibull", false, func(_ string, a args) Distribution { return Weibull(a["scale"], a["concentration"]) }},
	{"BernoulliProbs", true, func(_ string, a args) Distribution { return Bernoulli(a["probs"]) }},
	{"BernoulliLogits", true, func(_ string, a args) Distribution { return BernoulliLogits(a["logits"]) }},
	{"BinomialProbs", true, func(_ string, a args) Distribution { return Binomial(a["total_count"], a["probs"]) }},
	{"BinomialLogits", true, func(_ string, a args) Distribution { return BinomialLogits(a["total_count"], a["logits"]) }},
	{"Poisson", true, func(_ string, a args) Distribution { return Poisson(a["rate"]) }},
	{"NegativeBinomialProbs", true, func(_ string, a args) Distribution { return NegativeBinomial(a["total_count"], a["probs"]) }},
	{"NegativeBinomialLogits", true, func(_ string, a args) Distribution { return NegativeBinomialLogits(a["total_count"], a["logits"]) }},
	{"NegativeBinomial2", true, func(_ string, a args) Distribution { return NegativeBinomial2(a["mean"], a["concentration"]) }},
	{"TruncatedNormal", false, truncatedReference},
	{"TruncatedCauchy", false, truncatedReference},
	{"LeftTruncatedDistribution", false, truncatedReference},
	{"RightTruncatedDistribution", false, truncatedReference},
	{"TwoSidedTruncatedDistribution", false, truncatedReference},
}

func truncatedReference(sig string, a args) Distribution {
	loc, scale := a["base.loc"], a["base.scale"]
	bases := map[string]Distribution{
		"base=Normal":   Normal(loc, scale),
		"base=Cauchy":   Cauchy(loc, scale),
		"base=Laplace":  Laplace(loc, scale),
		"base=Logistic": Logistic(loc, scale),
	}
	for prefix, base := range bases {
		if len(sig) >= len(prefix) && sig[:len(prefix)] == prefix {
			return Truncated(base, a.optional("low"), a.optional("high"))
		}
	}
	panic("no base for " + sig)
}
