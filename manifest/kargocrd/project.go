package kargocrd

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// common are the rules for what every Kubernetes object has besides its spec.
func common(spec rule) map[string]rule {
	return map[string]rule{
		"apiVersion": nothing,
		"kind":       nothing,
		"metadata":   metadata,
		"spec":       spec,
		"status":     lost("it is state rather than configuration"),
	}
}

// nothing is for fields that say what the converter knows already.
func nothing(*resource, *mapping, *yaml.Node, *yaml.Node, string) {}

// metadata keeps the name, and the labels of Stages, which selectors match.
func metadata(r *resource, out *mapping, _, value *yaml.Node, at string) {
	rules := map[string]rule{"name": keep, "namespace": nothing, "annotations": annotations}
	for _, field := range []string{"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "ownerReferences", "finalizers"} {
		rules[field] = nothing // the API server's own
	}
	rules["labels"] = func(r *resource, out *mapping, key, value *yaml.Node, at string) {
		if r.kind == "Stage" {
			out.set("labels", value)
			return
		}
		r.lose(key, at, "labels of a %s select nothing", r.kind)
	}
	meta := r.fields(value, at, rules)
	if r.kind == "Project" || r.kind == "ProjectConfig" {
		meta.remove("name")
	}
	out.node.Content = append(out.node.Content, meta.node.Content...)
}

// annotations are lost one by one, but for those of tools.
func annotations(r *resource, _ *mapping, _, value *yaml.Node, at string) {
	for i := 0; i+1 < len(value.Content); i += 2 {
		key := value.Content[i]
		switch {
		case strings.HasPrefix(key.Value, "kubectl.kubernetes.io/"), strings.HasPrefix(key.Value, "argocd.argoproj.io/"):
		case key.Value == "kargo.akuity.io/description":
			r.lose(key, join(at, key.Value), "there is no description; write a comment")
		default:
			r.lose(key, join(at, key.Value), "annotations mean nothing outside of a cluster")
		}
	}
}

// policies reads the policies and windows of a Project (before 1.5) or a
// ProjectConfig.
func (r *resource) policies() (policies, windows []*yaml.Node) {
	r.fields(r.node, "", common(func(r *resource, _ *mapping, _, value *yaml.Node, at string) {
		r.fields(value, at, map[string]rule{
			"promotionPolicies": func(r *resource, _ *mapping, _, value *yaml.Node, at string) {
				policies = r.items(value, at, policyRules()).Content
			},
			"promotionWindows": func(r *resource, _ *mapping, _, value *yaml.Node, at string) {
				for i, item := range value.Content {
					if w := r.window(item, index(at, i)); w != nil {
						windows = append(windows, w)
					}
				}
			},
			"webhookReceivers": receivers,
			"receivers":        receivers,
			"freightLinks":     lost("links are not configurable"),
			"stageLinks":       lost("links are not configurable"),
		})
	}))
	return policies, windows
}

// known reports whether a policy can select a Stage that is among the manifests;
// one that names another is lost.
func (r *resource) known(policy *yaml.Node) bool {
	name := scalar(policy, "stage")
	if name == "" {
		name = scalar(policy, "stageSelector", "name")
	}
	if name == "" || strings.Contains(name, ":") {
		return true
	}
	for _, other := range r.c.all {
		if other.kind == "Stage" && other.name == name && other.of(r.project) {
			return true
		}
	}
	r.lose(r.node, "spec.promotionPolicies", "there is no Stage %s among the manifests, so its policy is left out", name)
	return false
}

func policyRules() map[string]rule {
	return map[string]rule{
		"stage":                keep,
		"stageSelector":        object(selectorRules),
		"autoPromotionEnabled": keep,
		"autoRollback": object(func() map[string]rule {
			return map[string]rule{"onVerification": keep, "onPromotion": keep}
		}),
	}
}

func selectorRules() map[string]rule {
	return map[string]rule{"name": keep, "matchLabels": keep, "matchExpressions": keep}
}

// receivers are configured on the server, but for GitHub's, which comes with the
// App.
func receivers(r *resource, _ *mapping, _, value *yaml.Node, at string) {
	for i, item := range value.Content {
		switch {
		case child(item, "github") != nil || scalar(item, "type") != "":
			r.lose(item, index(at, i), "the GitHub App receives GitHub's events already")
		case child(item, "gitlab") != nil || child(item, "bitbucket") != nil || child(item, "azure") != nil:
			r.lose(item, index(at, i), "sources on this host are looked at every interval; the server's registryWebhooks takes a generic receiver for it")
		default:
			r.lose(item, index(at, i), "receivers are part of the server's configuration: registryWebhooks")
		}
	}
}

// window turns start and end into a start and a duration.
func (r *resource) window(n *yaml.Node, at string) *yaml.Node {
	if d := child(n, "disabled"); d != nil && d.Value == "true" {
		r.lose(d, join(at, "disabled"), "the window is left out, because nothing here switches one off")
		return nil
	}
	var start, end *yaml.Node
	catch := func(dst **yaml.Node) rule {
		return func(_ *resource, _ *mapping, _, value *yaml.Node, _ string) { *dst = value }
	}
	out := r.fields(n, at, map[string]rule{
		"name": keep, "kind": keep, "stageSelector": object(selectorRules), "rrule": keep,
		"description": rename("reason"), "disabled": nothing,
		"dtstart": catch(&start), "dtend": catch(&end),
		"projectSelector": lost("a .kargo.yaml has one Project; windows for all are set in each"),
	})
	if start == nil || end == nil {
		r.lose(n, at, "the window has no start or no end, so how long it lasts is unknown; give it a duration")
		return nil
	}
	from, zone, err := icalTime(start.Value)
	if err != nil {
		r.lose(start, join(at, "dtstart"), "%v; the window is left out", err)
		return nil
	}
	to, _, err := icalTime(end.Value)
	if err != nil || !to.After(from) {
		r.lose(end, join(at, "dtend"), "it is no time after the start; the window is left out")
		return nil
	}
	out.set("dtstart", text(from.Format(time.RFC3339)))
	out.set("duration", text(brief(to.Sub(from))))
	if zone != "" {
		out.set("timezone", text(zone))
	}
	return out.node
}

// icalTime reads an iCalendar date-time with an optional TZID prefix.
func icalTime(s string) (t time.Time, zone string, err error) {
	loc := time.UTC
	if rest, ok := strings.CutPrefix(strings.TrimPrefix(s, ";"), "TZID="); ok {
		zone, s, ok = strings.Cut(rest, ":")
		if !ok {
			return t, "", fmt.Errorf("%q has a time zone and no time", s)
		}
		if loc, err = time.LoadLocation(zone); err != nil {
			return t, "", fmt.Errorf("time zone %q is not known", zone)
		}
	}
	for _, layout := range []string{"20060102T150405Z", "20060102T150405", "20060102"} {
		if t, err = time.ParseInLocation(layout, s, loc); err == nil {
			return t, zone, nil
		}
	}
	return t, "", fmt.Errorf("%q is no iCalendar date-time", s)
}

// brief writes a duration without zero parts.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
