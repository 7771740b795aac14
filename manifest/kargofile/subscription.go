package kargofile

import (
	"strings"

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
	found := d.object(n, path, "a subscription",
		field{"name", d.text(&s.Name, checkLabel)},
		field{"git", d.git(&s)},
		field{"image", d.image(&s)},
		field{"chart", d.chart(&s)},
	)
	if found == nil {
		return s, false
	}
	var sources []string
	for _, kind := range []string{"git", "image", "chart"} {
		if found[kind] != nil {
			sources = append(sources, kind)
		}
	}
	switch {
	case len(sources) > 1:
		d.problem(n, path).message("a subscription has both %s", strings.Join(sources, " and ")).expected("one of them; write two subscriptions")
	case len(sources) == 0:
		d.problem(n, path).message("a subscription has no source").expected("git, image or chart")
	}
	return s, s.Git != nil || s.Image != nil || s.Chart != nil
}

func (d *decoder) git(s *pipeline.Subscription) reader {
	return func(n *yaml.Node, path string) {
		var blobless bool // Kargo's, about cloning
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
			{"since", d.moment(&g.Since)},
			{"includeOwnCommits", d.boolean(&g.IncludeOwnCommits)},
			{"discoveryLimit", d.integer(&g.DiscoveryLimit, 1, maxDiscoveryLimit)},
			{"insecureSkipTLSVerify", d.boolean(&g.InsecureSkipTLSVerify)},
			{"blobless", d.boolean(&blobless)},
		}, notYet("provenance", "allowTags", "ignoreTags")...)...)
		if found == nil {
			return
		}
		s.Git = g
		if n := found["blobless"]; n != nil {
			d.problem(n, join(path, "blobless")).warning().message("blobless has no effect: nothing is ever cloned")
		}
		strategy := "commitSelectionStrategy: " + string(g.CommitSelectionStrategy)
		if g.CommitSelectionStrategy == pipeline.NewestFromBranch {
			d.noEffect(found, path, strategy, "allowTagsRegexes", "ignoreTagsRegexes")
		} else {
			d.noEffect(found, path, strategy, "branch", "since", "includeOwnCommits")
		}
		if g.CommitSelectionStrategy != pipeline.CommitSemVer {
			d.noEffect(found, path, strategy, "semverConstraint", "strictSemvers")
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
			{"cacheByTag", d.boolean(&i.CacheByTag)},
			{"discoveryLimit", d.integer(&i.DiscoveryLimit, 1, maxDiscoveryLimit)},
		}, notYet("provenance", "allowTags", "ignoreTags")...)...)
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
			d.noEffect(found, path, strategy, "strictSemvers", "allowTagsRegexes", "ignoreTagsRegexes", "cacheByTag", "discoveryLimit")
		case pipeline.ImageLexical, pipeline.ImageNewestBuild:
			d.noEffect(found, path, strategy, "constraint", "strictSemvers")
		}
	}
}

// chart reads a subscription to a Helm chart: of a classic repository, which holds
// many charts, or of an OCI registry, where each has its own repository.
func (d *decoder) chart(s *pipeline.Subscription) reader {
	return func(n *yaml.Node, path string) {
		c := &pipeline.ChartSubscription{DiscoveryLimit: defaultDiscoveryLimit}
		found := d.object(n, path, "a chart subscription",
			field{"repoURL", d.text(&c.RepoURL, checkChartURL)},
			field{"name", d.text(&c.Name, checkChart)},
			field{"semverConstraint", d.text(&c.SemverConstraint, checkConstraint)},
			field{"insecureSkipTLSVerify", d.boolean(&c.InsecureSkipTLSVerify)},
			field{"discoveryLimit", d.integer(&c.DiscoveryLimit, 1, maxDiscoveryLimit)},
		)
		if found == nil {
			return
		}
		oci := strings.HasPrefix(c.RepoURL, ociScheme)
		switch {
		case found["repoURL"] == nil:
			d.missing(n, path, "a chart subscription", "repoURL")
		case c.RepoURL == "":
		case oci && c.Name != "":
			d.problem(found["name"], join(path, "name")).message("an OCI repository holds one chart, which needs no name").
				expected("the chart's name as the end of repoURL")
		case !oci && found["name"] == nil:
			d.missing(n, path, "a chart of a repository that is not OCI", "name")
		}
		if c.RepoURL != "" {
			s.Chart = c
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
