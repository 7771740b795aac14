package kargofile

import (
	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// The number of artifacts that one Subscription keeps to choose from.
const (
	defaultDiscoveryLimit = 20
	maxDiscoveryLimit     = 100
)

func (d *decoder) subscription(n *yaml.Node, path string) (pipeline.Subscription, bool) {
	var s pipeline.Subscription
	found := d.object(n, path, "a subscription", append([]field{
		{"name", d.text(&s.Name, checkLabel)},
		{"git", d.git(&s)},
		{"image", d.image(&s)},
	}, notYet("chart")...)...)
	if found == nil || found["chart"] != nil {
		return s, false
	}
	switch {
	case found["git"] != nil && found["image"] != nil:
		d.problem(n, path).message("a subscription has both git and image").expected("one of them; write two subscriptions")
	case found["git"] == nil && found["image"] == nil:
		d.problem(n, path).message("a subscription has no source").expected("git or image")
	}
	return s, s.Git != nil || s.Image != nil
}

func (d *decoder) git(s *pipeline.Subscription) reader {
	return func(n *yaml.Node, path string) {
		g := &pipeline.GitSubscription{
			CommitSelectionStrategy: pipeline.NewestFromBranch,
			StrictSemvers:           true,
			DiscoveryLimit:          defaultDiscoveryLimit,
		}
		found := d.object(n, path, "a git subscription", append([]field{
			{"repoURL", d.text(&g.RepoURL, checkGitURL)},
			{"branch", d.text(&g.Branch, checkBranch)},
			{"commitSelectionStrategy", enum(d, &g.CommitSelectionStrategy,
				pipeline.NewestFromBranch, pipeline.CommitSemVer, pipeline.CommitLexical, pipeline.NewestTag)},
			{"semverConstraint", d.text(&g.SemverConstraint, checkConstraint)},
			{"strictSemvers", d.boolean(&g.StrictSemvers)},
			{"allowTagsRegexes", d.texts(&g.AllowTagsRegexes, checkRegex)},
			{"ignoreTagsRegexes", d.texts(&g.IgnoreTagsRegexes, checkRegex)},
			{"includePaths", d.texts(&g.IncludePaths, checkPathPattern)},
			{"excludePaths", d.texts(&g.ExcludePaths, checkPathPattern)},
			{"expressionFilter", d.bare(&g.ExpressionFilter)},
			{"includeOwnCommits", d.boolean(&g.IncludeOwnCommits)},
			{"discoveryLimit", d.integer(&g.DiscoveryLimit, 1, maxDiscoveryLimit)},
		}, notYet("since", "insecureSkipTLSVerify", "provenance", "allowTags", "ignoreTags", "blobless")...)...)
		if found == nil {
			return
		}
		s.Git = g
		branch := g.CommitSelectionStrategy == pipeline.NewestFromBranch
		if branch {
			d.noEffect(found, path, "commitSelectionStrategy: NewestFromBranch", "allowTagsRegexes", "ignoreTagsRegexes")
		} else {
			d.noEffect(found, path, "commitSelectionStrategy: "+string(g.CommitSelectionStrategy), "branch", "includeOwnCommits")
		}
		if g.CommitSelectionStrategy != pipeline.CommitSemVer {
			d.noEffect(found, path, "commitSelectionStrategy: "+string(g.CommitSelectionStrategy), "semverConstraint", "strictSemvers")
		}
	}
}

func (d *decoder) image(s *pipeline.Subscription) reader {
	return func(n *yaml.Node, path string) {
		i := &pipeline.ImageSubscription{
			ImageSelectionStrategy: pipeline.ImageSemVer,
			StrictSemvers:          true,
			DiscoveryLimit:         defaultDiscoveryLimit,
		}
		var constraint ref
		found := d.object(n, path, "an image subscription", append([]field{
			{"repoURL", d.text(&i.RepoURL, checkImage)},
			{"imageSelectionStrategy", enum(d, &i.ImageSelectionStrategy,
				pipeline.ImageSemVer, pipeline.ImageNewestBuild, pipeline.ImageLexical, pipeline.ImageDigest)},
			{"constraint", func(n *yaml.Node, path string) {
				d.text(&i.Constraint)(n, path)
				constraint = ref{i.Constraint, n, path}
			}},
			{"strictSemvers", d.boolean(&i.StrictSemvers)},
			{"allowTagsRegexes", d.texts(&i.AllowTagsRegexes, checkRegex)},
			{"ignoreTagsRegexes", d.texts(&i.IgnoreTagsRegexes, checkRegex)},
			{"platform", d.text(&i.Platform, checkPlatform)},
			{"insecureSkipTLSVerify", d.boolean(&i.InsecureSkipTLSVerify)},
			{"discoveryLimit", d.integer(&i.DiscoveryLimit, 1, maxDiscoveryLimit)},
		}, notYet("cacheByTag", "provenance", "allowTags", "ignoreTags")...)...)
		if found == nil {
			return
		}
		if found["repoURL"] == nil {
			d.missing(n, path, "an image subscription", "repoURL")
		}
		if i.RepoURL == "" {
			return
		}
		s.Image = i
		strategy := "imageSelectionStrategy: " + string(i.ImageSelectionStrategy)
		switch i.ImageSelectionStrategy {
		case pipeline.ImageSemVer:
			d.recheck(constraint, checkConstraint)
		case pipeline.ImageDigest:
			if found["constraint"] == nil {
				d.problem(n, path).message("imageSelectionStrategy: Digest needs \"constraint\"").expected("the mutable tag to follow, such as latest")
			}
			d.recheck(constraint, checkTag)
			d.noEffect(found, path, strategy, "strictSemvers", "allowTagsRegexes", "ignoreTagsRegexes", "discoveryLimit")
		case pipeline.ImageLexical, pipeline.ImageNewestBuild:
			d.noEffect(found, path, strategy, "constraint", "strictSemvers")
		}
	}
}

// recheck applies a check that depends on other fields.
func (d *decoder) recheck(r ref, check func(string) error) {
	if r.name == "" {
		return
	}
	if err := check(r.name); err != nil {
		d.invalid(r.node, r.path, err)
	}
}

// noEffect warns of fields that do nothing together with something else.
func (d *decoder) noEffect(found map[string]*yaml.Node, path, with string, fields ...string) {
	for _, f := range fields {
		if n := found[f]; n != nil {
			d.problem(n, join(path, f)).warning().message("%s has no effect with %s", f, with)
		}
	}
}
