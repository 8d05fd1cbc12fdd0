// Package observe shows what a daemon is doing: metrics for Prometheus, health for Kubernetes, profiles for who looks into it.
//
// Metrics are taken where everything passes anyway: from the messages that a daemon exchanges (Metrics.Transport) and from the
// lines that it logs (Metrics.Handler). So nothing that computes or decides knows of metrics.
package observe
