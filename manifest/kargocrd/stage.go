package kargocrd

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (r *resource) stage() *yaml.Node {
	return r.fields(r.node, "", common(inline(func() map[string]rule {
		return map[string]rule{
			"vars":              keep,
			"shard":             shard,
			"requestedFreight":  list("requestedFreight", requestRules),
			"promotionTemplate": object(templateRules),
			"verification":      object(verificationRules),
			"targets":           lost("targets do not exist; a matrix makes one Stage for each"),
			"subscriptions":     lost("Kargo 1.0 replaced it by requestedFreight; write that"),
			"promotionMechanisms": lost(
				"Kargo 1.0 replaced it by promotionTemplate; write its steps, or update for the usual ones"),
		}
	}))).node
}

func requestRules() map[string]rule {
	return map[string]rule{
		"origin": keep,
		"sources": object(func() map[string]rule {
			return map[string]rule{
				"direct": keep, "stages": keep, "requiredSoakTime": keep, "availabilityStrategy": dropEmpty,
				"autoPromotionOptions": object(func() map[string]rule { return map[string]rule{"selectionPolicy": dropEmpty} }),
			}
		}),
	}
}

// dropEmpty keeps a value unless it is empty, which means the default.
func dropEmpty(_ *resource, out *mapping, key, value *yaml.Node, _ string) {
	if value.Value != "" {
		out.set(key.Value, value)
	}
}

func templateRules() map[string]rule {
	return map[string]rule{
		"metadata": lost("Promotions carry no labels or annotations"),
		"spec": object(func() map[string]rule {
			return map[string]rule{"vars": keep, "steps": steps}
		}),
	}
}

func verificationRules() map[string]rule {
	return map[string]rule{
		"analysisTemplates": list("analysisTemplates", func() map[string]rule {
			// Both kinds are one list in a .kargo.yaml.
			return map[string]rule{"name": keep, "kind": nothing}
		}),
		"args":                keep,
		"analysisRunMetadata": lost("a verification is no resource that could carry labels or annotations"),
	}
}

// task reads a PromotionTask or ClusterPromotionTask.
func (r *resource) task() *yaml.Node {
	return r.fields(r.node, "", common(inline(func() map[string]rule {
		return map[string]rule{
			"vars":   keep,
			"inputs": inputs,
			"steps":  steps,
		}
	}))).node
}

// inputs is what vars were called in Kargo 1.1.
func inputs(_ *resource, out *mapping, _, value *yaml.Node, _ string) {
	vars := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for _, item := range value.Content {
		v := newMapping()
		v.set("name", text(scalar(item, "name")))
		set := scalar(item, "value")
		if d := scalar(item, "default"); set == "" {
			set = d
		}
		v.set("value", text(set))
		vars.Content = append(vars.Content, v.node)
	}
	out.set("vars", vars)
}

// steps carries steps over. In the place of one that the reader of the result does
// not know stands a step that fails: what comes after it may rely on what it did.
func steps(r *resource, out *mapping, key, value *yaml.Node, at string) {
	kept := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for i, item := range value.Content {
		at := index(at, i)
		uses := scalar(item, "uses")
		switch {
		case uses == "helm-update-image":
			item = r.helmUpdateImage(item, at)
		case uses == "kustomize-set-image":
			setImages(item)
		case uses != "" && r.c.opts.Steps != nil && !slices.Contains(r.c.opts.Steps, uses):
			r.lose(item, at, "the step %s is not available in this version; a step that fails stands in its place", uses)
			item = unavailable(item, uses)
		}
		r.argoCD(item, at, scalar(item, "uses"))
		r.jira(item, at, scalar(item, "uses"))
		if config := child(item, "config"); config != nil {
			r.secrets(config, join(at, "config"), uses)
		}
		kept.Content = append(kept.Content, r.fields(item, at, stepRules()).node)
	}
	if len(kept.Content) > 0 {
		out.set(key.Value, kept)
	}
}

// unavailable is the step that stands for one that is not known.
func unavailable(step *yaml.Node, uses string) *yaml.Node {
	out, config := newMapping(), newMapping()
	config.set("message", text("the step "+uses+" is not available in this version of kargo"))
	out.set("uses", text("fail"))
	for _, field := range []string{"as", "if", "continueOnError"} {
		if v := child(step, field); v != nil {
			out.set(field, v)
		}
	}
	out.set("config", config.node)
	return out.node
}

// setImages names the tag or digest that Kargo before 1.1 took from the Freight by
// itself.
func setImages(step *yaml.Node) {
	images := child(step, "config", "images")
	if images == nil {
		return
	}
	for _, image := range images.Content {
		if child(image, "tag") != nil || child(image, "digest") != nil || image.Kind != yaml.MappingNode {
			continue
		}
		field, of := "tag", "Tag"
		if scalar(image, "useDigest") == "true" {
			field, of = "digest", "Digest"
		}
		m := &mapping{image}
		m.remove("useDigest")
		m.set(field, text("${{ quote(imageFrom("+quote(scalar(image, "image"))+")."+of+") }}"))
	}
}

func stepRules() map[string]rule {
	return map[string]rule{
		"uses": keep, "as": keep, "if": keep, "continueOnError": keep, "retry": keep, "vars": keep, "inputs": inputs,
		"config": func(r *resource, out *mapping, key, value *yaml.Node, at string) {
			r.clusterOnly(value, at)
			out.set(key.Value, value)
		},
		"task": func(_ *resource, out *mapping, _, value *yaml.Node, _ string) {
			task := newMapping()
			task.set("name", text(scalar(value, "name")))
			out.set("task", task.node)
		},
	}
}

// clusterOnly names expressions that read from a cluster, which stay as they are.
func (r *resource) clusterOnly(n *yaml.Node, at string) {
	for i, c := range n.Content {
		next := at
		switch {
		case n.Kind == yaml.MappingNode && i%2 == 1:
			next = join(at, n.Content[i-1].Value)
		case n.Kind == yaml.SequenceNode:
			next = index(at, i)
		case n.Kind == yaml.MappingNode:
			continue
		}
		r.clusterOnly(c, next)
	}
	if n.Kind != yaml.ScalarNode || !strings.Contains(n.Value, "${{") && !strings.Contains(n.Value, "${%") {
		return
	}
	for call, instead := range map[string]string{
		"configMap(": "vars", "sharedConfigMap(": "vars", "secret(": "secrets.NAME", "sharedSecret(": "secrets.NAME",
	} {
		if i := strings.Index(n.Value, call); i >= 0 && (i == 0 || !isWord(n.Value[i-1])) {
			r.lose(n, at, "%s) reads from a cluster; use %s", call, instead)
		}
	}
}

func isWord(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// helmUpdateImage turns a step of Kargo before 1.4 into the one that took its
// place.
func (r *resource) helmUpdateImage(step *yaml.Node, at string) *yaml.Node {
	out := newMapping()
	for i := 0; i+1 < len(step.Content); i += 2 {
		switch key := step.Content[i]; key.Value {
		case "uses":
			out.set("uses", text("yaml-update"))
		case "config":
			out.set("config", r.helmImages(step.Content[i+1], join(at, "config")))
		default:
			out.set(key.Value, step.Content[i+1])
		}
	}
	r.lose(step, at, "helm-update-image is written as yaml-update")
	out.node.Line = step.Line
	return out.node
}

func (r *resource) helmImages(config *yaml.Node, at string) *yaml.Node {
	out := newMapping()
	if p := child(config, "path"); p != nil {
		out.set("path", p)
	}
	updates := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	if images := child(config, "images"); images != nil {
		for i, image := range images.Content {
			of := "imageFrom(" + quote(scalar(image, "image")) + ")"
			repo := quote(scalar(image, "image"))
			value, ok := map[string]string{
				"ImageAndTag":    "${{ " + repo + " + \":\" + " + of + ".Tag }}",
				"Tag":            "${{ quote(" + of + ".Tag) }}",
				"ImageAndDigest": "${{ " + repo + " + \"@\" + " + of + ".Digest }}",
				"Digest":         "${{ " + of + ".Digest }}",
			}[scalar(image, "value")]
			if !ok {
				r.lose(image, index(join(at, "images"), i), "value is none of ImageAndTag, Tag, ImageAndDigest and Digest; the image is left out")
				continue
			}
			u := newMapping()
			u.set("key", text(scalar(image, "key")))
			u.set("value", text(value))
			updates.Content = append(updates.Content, u.node)
		}
	}
	out.set("updates", updates)
	return out.node
}

// quote writes a string of the expression language.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
