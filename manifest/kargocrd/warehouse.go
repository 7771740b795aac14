package kargocrd

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

func (r *resource) warehouse() *yaml.Node {
	return r.fields(r.node, "", common(inline(func() map[string]rule {
		return map[string]rule{
			"interval":                keep,
			"freightCreationPolicy":   keep,
			"freightCreationCriteria": object(func() map[string]rule { return map[string]rule{"expression": keep} }),
			"shard":                   shard,
			"subscriptions":           subscriptions,
		}
	}))).node
}

// shard is about which controller of a cluster works.
var shard = lost("there are no shards; one server serves all repositories")

// inline puts the fields of a spec beside the name.
func inline(fields func() map[string]rule) rule {
	return func(r *resource, out *mapping, _, value *yaml.Node, at string) {
		spec := r.fields(value, at, fields())
		out.node.Content = append(out.node.Content, spec.node.Content...)
	}
}

func subscriptions(r *resource, out *mapping, key, value *yaml.Node, at string) {
	kept := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for i, item := range value.Content {
		known := false
		for _, kind := range []string{"git", "image", "chart"} {
			known = known || child(item, kind) != nil
		}
		if !known {
			r.lose(item, index(at, i), "only git, image and chart subscriptions can be discovered")
			continue
		}
		kept.Content = append(kept.Content, r.fields(item, index(at, i), map[string]rule{
			"name": keep, "git": object(gitRules), "image": object(imageRules), "chart": object(chartRules),
		}).node)
	}
	if len(kept.Content) > 0 {
		out.set(key.Value, kept)
	}
}

func gitRules() map[string]rule {
	return map[string]rule{
		"repoURL":                 gitURL,
		"branch":                  keep,
		"commitSelectionStrategy": keep,
		"semverConstraint":        keep,
		"strictSemvers":           keep,
		"allowTags":               allowTags,
		"allowTagsRegex":          rename("allowTagsRegexes"),
		"allowTagsRegexes":        keep,
		"ignoreTags":              ignoreTags,
		"ignoreTagsRegex":         rename("ignoreTagsRegexes"),
		"ignoreTagsRegexes":       keep,
		"includePaths":            keep,
		"excludePaths":            keep,
		"expressionFilter":        keep,
		"since":                   keep,
		"discoveryLimit":          keep,
		"blobless":                nothing, // nothing is ever cloned
		"insecureSkipTLSVerify":   keep,
	}
}

func imageRules() map[string]rule {
	return map[string]rule{
		"repoURL":                keep,
		"imageSelectionStrategy": keep,
		"constraint":             keep,
		"semverConstraint":       rename("constraint"),
		"strictSemvers":          keep,
		"allowTags":              allowTags,
		"allowTagsRegex":         rename("allowTagsRegexes"),
		"allowTagsRegexes":       keep,
		"ignoreTags":             ignoreTags,
		"ignoreTagsRegex":        rename("ignoreTagsRegexes"),
		"ignoreTagsRegexes":      keep,
		"platform":               keep,
		"cacheByTag":             keep,
		"insecureSkipTLSVerify":  keep,
		"discoveryLimit":         keep,
		"gitRepoURL":             lost("the source of an image is read from its annotation or label org.opencontainers.image.source"),
	}
}

func chartRules() map[string]rule {
	return map[string]rule{"repoURL": keep, "name": keep, "semverConstraint": keep, "discoveryLimit": keep}
}

// allowTags was one regular expression.
func allowTags(_ *resource, out *mapping, _, value *yaml.Node, _ string) {
	out.set("allowTagsRegexes", texts(value.Value))
}

// ignoreTags were exact tags.
func ignoreTags(_ *resource, out *mapping, _, value *yaml.Node, _ string) {
	var exact []string
	for _, tag := range value.Content {
		exact = append(exact, "^"+regexp.QuoteMeta(tag.Value)+"$")
	}
	out.set("ignoreTagsRegexes", texts(exact...))
}

var scpURL = regexp.MustCompile(`^(?:ssh://)?git@([^:/]+)[:/](?:\d+/)?(.+)$`)

// gitURL turns SSH addresses into HTTPS ones: the App has a token and no key.
func gitURL(r *resource, out *mapping, key, value *yaml.Node, at string) {
	if m := scpURL.FindStringSubmatch(value.Value); m != nil {
		https := "https://" + m[1] + "/" + strings.TrimPrefix(m[2], "/")
		r.lose(value, at, "the App reads over HTTPS: %s", https)
		out.set(key.Value, text(https))
		return
	}
	out.set(key.Value, value)
}
