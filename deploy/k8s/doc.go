// Package k8s holds the manifests of a cluster on Kubernetes, and the test that they are what Kubernetes takes.
package k8s
