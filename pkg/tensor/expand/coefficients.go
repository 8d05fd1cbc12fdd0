package expand

// expQ approximates (e^r - 1 - r)/r² for |r| ≤ ln 2/2: Taylor coefficients, error 2^-57 of e^r.
var expQ = []float64{
	0x1p-1, 0x1.5555555555555p-3, 0x1.5555555555555p-5, 0x1.1111111111111p-7, 0x1.6c16c16c16c17p-10, 0x1.a01a01a01a01ap-13,
	0x1.a01a01a01a01ap-16, 0x1.71de3a556c734p-19, 0x1.27e4fb7789f5cp-22, 0x1.ae64567f544e4p-26, 0x1.1eed8eff8d898p-29, 0x1.6124613a86d09p-33,
}

// logR approximates (log((1+s)/(1-s)) - 2s)/s³ as a function of s² ≤ 0.0295 (fdlibm, e_log.c, Lg1 to Lg7; error 2^-58.45).
var logR = []float64{
	6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
	1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
}
