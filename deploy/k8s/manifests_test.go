package k8s

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	"sigs.k8s.io/yaml"
)

// manifests are the objects of the folder.
type manifests struct {
	stateful []*apps.StatefulSet
	deploy   []*apps.Deployment
	services []*core.Service
	policies []*networking.NetworkPolicy
	budgets  []*policy.PodDisruptionBudget
}

// read decodes all objects strictly: a field that Kubernetes does not know is an error.
func read(t *testing.T) *manifests {
	t.Helper()
	m := &manifests{}
	for _, file := range resources(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, doc := range bytes.Split(text, []byte("\n---\n")) {
			var head struct{ APIVersion, Kind string }
			if err := yaml.Unmarshal(doc, &head); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if err := yaml.UnmarshalStrict(doc, m.add(head.APIVersion+" "+head.Kind)); err != nil {
				t.Errorf("%s: %s: %v", file, head.Kind, err)
			}
		}
	}
	return m
}

// add returns a new object of a kind, nil for one that the folder should not have.
func (m *manifests) add(kind string) any {
	switch kind {
	case "apps/v1 StatefulSet":
		m.stateful = append(m.stateful, new(apps.StatefulSet))
		return m.stateful[len(m.stateful)-1]
	case "apps/v1 Deployment":
		m.deploy = append(m.deploy, new(apps.Deployment))
		return m.deploy[len(m.deploy)-1]
	case "v1 Service":
		m.services = append(m.services, new(core.Service))
		return m.services[len(m.services)-1]
	case "networking.k8s.io/v1 NetworkPolicy":
		m.policies = append(m.policies, new(networking.NetworkPolicy))
		return m.policies[len(m.policies)-1]
	case "policy/v1 PodDisruptionBudget":
		m.budgets = append(m.budgets, new(policy.PodDisruptionBudget))
		return m.budgets[len(m.budgets)-1]
	}
	return nil
}

// resources returns the files of the kustomization, which are all the others in the folder.
func resources(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var k struct {
		Resources []string `json:"resources"`
	}
	if err := yaml.Unmarshal(text, &k); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := slices.DeleteFunc(files, func(f string) bool { return f == "kustomization.yaml" })
	if got := slices.Sorted(slices.Values(k.Resources)); !slices.Equal(got, want) {
		t.Errorf("kustomization.yaml has %v, the folder %v", got, want)
	}
	return want
}

// pods returns the templates of pods by name.
func (m *manifests) pods() map[string]*core.PodTemplateSpec {
	out := map[string]*core.PodTemplateSpec{}
	for _, s := range m.stateful {
		out[s.Name] = &s.Spec.Template
	}
	for _, d := range m.deploy {
		out[d.Name] = &d.Spec.Template
	}
	return out
}

func TestManifests(t *testing.T) {
	m := read(t)
	if len(m.stateful) != 1 || len(m.deploy) != 1 || len(m.services) != 2 || len(m.policies) != 3 || len(m.budgets) != 1 {
		t.Fatalf("%d stateful sets, %d deployments, %d services, %d network policies, %d budgets", len(m.stateful), len(m.deploy), len(m.services), len(m.policies), len(m.budgets))
	}
	s := m.stateful[0]
	if s.Spec.Replicas == nil || *s.Spec.Replicas != 3 || len(s.Spec.VolumeClaimTemplates) != 1 {
		t.Error("want three coordinators with a volume each")
	}
	if !slices.ContainsFunc(m.services, func(v *core.Service) bool {
		return v.Name == s.Spec.ServiceName && v.Spec.ClusterIP == core.ClusterIPNone
	}) {
		t.Errorf("no headless service %s, by which pods of the stateful set have names", s.Spec.ServiceName)
	}
	if b := m.budgets[0]; b.Spec.MaxUnavailable.IntValue() != 1 {
		t.Error("more than one coordinator of three may be disrupted")
	}
}

// TestSelectors: what selects pods selects some, and ports are theirs.
func TestSelectors(t *testing.T) {
	m := read(t)
	chosen := func(labels map[string]string) (ports []string) {
		for _, p := range m.pods() {
			all := true
			for k, v := range labels {
				all = all && p.Labels[k] == v
			}
			if all {
				for _, port := range p.Spec.Containers[0].Ports {
					ports = append(ports, port.Name)
				}
			}
		}
		return ports
	}
	for _, s := range m.services {
		for _, p := range s.Spec.Ports {
			if !slices.Contains(chosen(s.Spec.Selector), p.TargetPort.String()) {
				t.Errorf("service %s: no pod has port %s", s.Name, p.TargetPort.String())
			}
		}
	}
	for _, n := range m.policies {
		if chosen(n.Spec.PodSelector.MatchLabels) == nil {
			t.Errorf("network policy %s is for no pod", n.Name)
		}
		if len(n.Spec.PolicyTypes) != 2 {
			t.Errorf("network policy %s: want ingress and egress", n.Name)
		}
		for _, in := range n.Spec.Ingress {
			for _, p := range in.Ports {
				if !slices.Contains(chosen(n.Spec.PodSelector.MatchLabels), p.Port.String()) {
					t.Errorf("network policy %s: no pod has port %s", n.Name, p.Port)
				}
			}
		}
	}
	for _, s := range m.stateful {
		if chosen(s.Spec.Selector.MatchLabels) == nil {
			t.Errorf("%s selects other pods than it makes", s.Name)
		}
	}
	for _, d := range m.deploy {
		if chosen(d.Spec.Selector.MatchLabels) == nil {
			t.Errorf("%s selects other pods than it makes", d.Name)
		}
	}
}

// TestRestricted: pods meet Kubernetes' restricted profile, and have no token of its API.
func TestRestricted(t *testing.T) {
	for name, p := range read(t).pods() {
		s := p.Spec.SecurityContext
		if s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil || s.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: the pod may run as root, or without seccomp", name)
		}
		if p.Spec.AutomountServiceAccountToken == nil || *p.Spec.AutomountServiceAccountToken {
			t.Errorf("%s has a token of the API", name)
		}
		for _, c := range p.Spec.Containers {
			s := c.SecurityContext
			if s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem ||
				s.Capabilities == nil || !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) {
				t.Errorf("%s: container %s is not restricted", name, c.Name)
			}
			if c.Resources.Limits.Memory().IsZero() || c.ReadinessProbe == nil || c.LivenessProbe == nil {
				t.Errorf("%s: container %s lacks a limit of memory or a probe", name, c.Name)
			}
		}
	}
}

// TestArguments: the daemons have the flags that they are given.
func TestArguments(t *testing.T) {
	text, err := os.ReadFile("../../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range read(t).pods() {
		args := p.Spec.Containers[0].Args
		_, help, ok := strings.Cut(string(text), "$ drey "+args[0]+" --help\n")
		if !ok {
			t.Fatalf("%s: docs/cli.md does not show drey %s --help", name, args[0])
		}
		help, _, _ = strings.Cut(help, "```")
		for _, a := range args[1:] {
			flag, _, _ := strings.Cut(a, "=")
			if !regexp.MustCompile(`(?m)^\s+` + regexp.QuoteMeta(flag) + `\s`).MatchString(help) {
				t.Errorf("%s: drey %s has no flag %s", name, args[0], flag)
			}
		}
	}
}
