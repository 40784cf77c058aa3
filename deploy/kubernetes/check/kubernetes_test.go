// Package check keeps the Kubernetes files valid, offline: what kustomize makes of
// them is decoded strictly into Kubernetes' own types. It is a module of its own,
// so that the product does not depend on Kubernetes.
package check

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func build(t *testing.T, dir string) map[string]runtime.Object {
	t.Helper()
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), dir)
	require.NoError(t, err)
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		appsv1.AddToScheme, autoscalingv2.AddToScheme, batchv1.AddToScheme, corev1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme,
	} {
		require.NoError(t, add(scheme))
	}
	strict := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	objects := map[string]runtime.Object{}
	for _, r := range resources.Resources() {
		if r.GetKind() == "ScaledObject" { // of KEDA, which has no types without its client
			objects["ScaledObject/"+r.GetName()] = nil
			continue
		}
		text, err := r.AsYAML()
		require.NoError(t, err)
		object, kind, err := strict.Decode(text, nil, nil)
		require.NoError(t, err, "%s", text)
		objects[kind.Kind+"/"+r.GetName()] = object
	}
	return objects
}

// What kustomize makes is what Kubernetes knows, with no field misspelt, and
// every program is held as tightly as it says.
func TestKubernetesFiles(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"../base", "../overlays/keda"} {
		objects := build(t, dir)
		for _, name := range []string{"api", "worker"} {
			d, ok := objects["Deployment/"+name].(*appsv1.Deployment)
			require.True(t, ok, "%s has no Deployment %s", dir, name)
			pod := d.Spec.Template.Spec
			require.Greater(t, *pod.TerminationGracePeriodSeconds, int64(25+5), "the drain, and the pause before it")
			held(t, pod)
			c := pod.Containers[0]
			for what, probe := range map[string]*corev1.Probe{"startup": c.StartupProbe, "liveness": c.LivenessProbe, "readiness": c.ReadinessProbe} {
				require.NotNil(t, probe, "%s %s", name, what)
			}
			require.Equal(t, "/readyz", c.ReadinessProbe.HTTPGet.Path)
			require.Equal(t, "/healthz", c.LivenessProbe.HTTPGet.Path, "a Postgres that is away is no reason to kill")
			require.Contains(t, objects, "PodDisruptionBudget/"+name)
		}
		job, ok := objects["Job/migrate"].(*batchv1.Job)
		require.True(t, ok)
		held(t, job.Spec.Template.Spec)
		require.Contains(t, objects, "NetworkPolicy/default-deny")
	}
	overlay := build(t, "../overlays/keda")
	require.Contains(t, overlay, "ScaledObject/worker")
	worker, ok := overlay["Deployment/worker"].(*appsv1.Deployment)
	require.True(t, ok)
	require.Nil(t, worker.Spec.Replicas, "KEDA says how many")
	require.True(t, strings.HasPrefix(worker.Spec.Template.Spec.Containers[0].Image, "images.example.com/couponbook:"))
}

func held(t *testing.T, pod corev1.PodSpec) {
	t.Helper()
	require.True(t, *pod.SecurityContext.RunAsNonRoot)
	require.False(t, *pod.AutomountServiceAccountToken)
	for _, c := range pod.Containers {
		require.False(t, *c.SecurityContext.AllowPrivilegeEscalation)
		require.True(t, *c.SecurityContext.ReadOnlyRootFilesystem)
		require.Equal(t, []corev1.Capability{"ALL"}, c.SecurityContext.Capabilities.Drop)
		require.NotEmpty(t, c.Resources.Requests.Cpu().String())
		require.NotZero(t, c.Resources.Limits.Memory().Value())
	}
}
