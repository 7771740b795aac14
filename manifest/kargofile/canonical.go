package kargofile

import (
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/pipeline"
)

// fileNode prints a file. Names of Warehouses and Stages are local in it, also where
// the pipeline's are qualified.
func fileNode(f File) *yaml.Node {
	p := f.Pipeline
	o := newObject()
	o.text("apiVersion", APIVersion)
	o.text("name", p.Name)
	o.texts("include", f.Include)
	o.set("vars", varsNode(p.Vars))
	if len(p.Warehouses) > 0 {
		o.set("warehouses", listNode(p.Warehouses, warehouseNode))
	}
	if len(p.Stages) > 0 {
		o.set("stages", listNode(p.Stages, stageNode))
	}
	if len(p.Policies) > 0 {
		o.set("promotionPolicies", listNode(p.Policies, policyNode))
	}
	if len(p.Windows) > 0 {
		o.set("promotionWindows", listNode(p.Windows, windowNode))
	}
	if len(p.Channels) > 0 {
		o.set("messageChannels", listNode(p.Channels, channelNode))
	}
	o.set("access", accessNode(p.Access))
	return o.node
}

func varsNode(vars []pipeline.Var) *yaml.Node {
	if len(vars) == 0 {
		return nil
	}
	return listNode(vars, func(v pipeline.Var) *yaml.Node {
		o := newObject()
		o.text("name", v.Name)
		o.set("value", valueNode(v.Value))
		return o.node
	})
}

func warehouseNode(w pipeline.Warehouse) *yaml.Node {
	o := newObject()
	o.text("name", pipeline.LocalName(w.Name))
	o.duration("interval", w.Interval)
	o.text("freightCreationPolicy", string(w.FreightCreationPolicy))
	if w.FreightCreationCriteria != "" {
		criteria := newObject()
		criteria.text("expression", w.FreightCreationCriteria)
		o.set("freightCreationCriteria", criteria.node)
	}
	o.set("subscriptions", listNode(w.Subscriptions, subscriptionNode))
	return o.node
}

func subscriptionNode(s pipeline.Subscription) *yaml.Node {
	o := newObject()
	o.text("name", s.Name)
	source := newObject()
	switch {
	case s.Git != nil:
		g := s.Git
		source.text("repoURL", g.RepoURL)
		source.text("branch", g.Branch)
		source.text("commitSelectionStrategy", string(g.CommitSelectionStrategy))
		source.text("semverConstraint", g.SemverConstraint)
		if g.CommitSelectionStrategy == pipeline.CommitSemVer || !g.StrictSemvers {
			source.set("strictSemvers", valueNode(g.StrictSemvers))
		}
		source.texts("allowTagsRegexes", g.AllowTagsRegexes)
		source.texts("ignoreTagsRegexes", g.IgnoreTagsRegexes)
		source.texts("includePaths", g.IncludePaths)
		source.texts("excludePaths", g.ExcludePaths)
		source.text("expressionFilter", g.ExpressionFilter)
		source.text("since", g.Since)
		source.flag("includeOwnCommits", g.IncludeOwnCommits)
		source.flag("insecureSkipTLSVerify", g.InsecureSkipTLSVerify)
		source.set("discoveryLimit", valueNode(g.DiscoveryLimit))
	case s.Image != nil:
		i := s.Image
		source.text("repoURL", i.RepoURL)
		source.text("imageSelectionStrategy", string(i.ImageSelectionStrategy))
		source.text("constraint", i.Constraint)
		if i.ImageSelectionStrategy == pipeline.ImageSemVer || !i.StrictSemvers {
			source.set("strictSemvers", valueNode(i.StrictSemvers))
		}
		source.texts("allowTagsRegexes", i.AllowTagsRegexes)
		source.texts("ignoreTagsRegexes", i.IgnoreTagsRegexes)
		source.text("platform", i.Platform)
		source.flag("insecureSkipTLSVerify", i.InsecureSkipTLSVerify)
		source.flag("cacheByTag", i.CacheByTag)
		if i.ImageSelectionStrategy != pipeline.ImageDigest || i.DiscoveryLimit != defaultDiscoveryLimit {
			source.set("discoveryLimit", valueNode(i.DiscoveryLimit))
		}
	case s.Chart != nil:
		c := s.Chart
		source.text("repoURL", c.RepoURL)
		source.text("name", c.Name)
		source.text("semverConstraint", c.SemverConstraint)
		source.flag("insecureSkipTLSVerify", c.InsecureSkipTLSVerify)
		source.set("discoveryLimit", valueNode(c.DiscoveryLimit))
	}
	o.set(string(s.Kind()), source.node)
	return o.node
}

func stageNode(s pipeline.Stage) *yaml.Node {
	o := newObject()
	o.text("name", s.LocalName())
	o.set("labels", labelsNode(s.Labels))
	o.set("vars", varsNode(s.Vars))
	o.set("requestedFreight", listNode(s.Requests, requestNode))
	if !s.ControlFlow() {
		spec := newObject()
		spec.set("vars", varsNode(s.TemplateVars))
		n := 0
		spec.set("steps", listNode(s.Steps, func(step pipeline.StepSpec) *yaml.Node {
			n++
			return stepNode(step, n)
		}))
		template := newObject()
		template.set("spec", spec.node)
		o.set("promotionTemplate", template.node)
		o.set("pullRequest", pullRequestNode(s.PullRequest))
		o.set("approvals", approvalsNode(s.Approvals))
		o.set("verification", verificationNode(s.Verification))
		o.text("concurrency", string(s.Concurrency))
		if s.Environment == "" {
			o.set("environment", valueNode(false))
		}
		o.text("environment", s.Environment)
	}
	o.set("access", accessNode(s.Access))
	return o.node
}

func requestNode(r pipeline.FreightRequest) *yaml.Node {
	origin := newObject()
	origin.text("kind", "Warehouse")
	origin.text("name", pipeline.LocalName(r.Origin))
	sources := newObject()
	sources.flag("direct", r.Direct)
	if len(r.Stages) > 0 {
		sources.set("stages", listNode(r.Stages, func(name string) *yaml.Node { return textNode(pipeline.LocalName(name)) }))
	}
	sources.duration("requiredSoakTime", r.RequiredSoakTime)
	sources.text("availabilityStrategy", string(r.AvailabilityStrategy))
	if r.SelectionPolicy != "" {
		options := newObject()
		options.text("selectionPolicy", string(r.SelectionPolicy))
		sources.set("autoPromotionOptions", options.node)
	}
	o := newObject()
	o.set("origin", origin.node)
	o.set("sources", sources.node)
	return o.node
}

func stepNode(s pipeline.StepSpec, number int) *yaml.Node {
	o := newObject()
	o.text("uses", s.Uses)
	o.text("task", s.Task)
	if s.As != fmt.Sprintf("step-%d", number) && (s.Task == "" || s.As != fmt.Sprintf("task-%d", number)) {
		o.text("as", s.As)
	}
	if s.Task != "" {
		o.set("vars", varsNode(s.TaskVars))
		return o.node
	}
	o.text("if", s.If)
	o.flag("continueOnError", s.ContinueOnError)
	retry := newObject()
	retry.duration("timeout", s.Retry.Timeout)
	if s.Retry.ErrorThreshold != 0 {
		retry.set("errorThreshold", valueNode(s.Retry.ErrorThreshold))
	}
	o.set("retry", retry.orNil())
	o.set("taskVars", varsNode(s.TaskVars))
	o.set("vars", varsNode(s.Vars))
	if len(s.Config) > 0 {
		o.set("config", valueNode(s.Config))
	}
	return o.node
}

func pullRequestNode(pr pipeline.PullRequestPolicy) *yaml.Node {
	o := newObject()
	o.text("merge", string(pr.Merge))
	o.text("method", pr.Method)
	o.text("title", pr.Title)
	o.text("body", pr.Body)
	o.texts("labels", pr.Labels)
	o.texts("reviewers", pr.Reviewers)
	o.texts("teamReviewers", pr.TeamReviewers)
	o.texts("assignees", pr.Assignees)
	o.flag("draft", pr.Draft)
	return o.orNil()
}

func approvalsNode(a pipeline.Approvals) *yaml.Node {
	if a.Required == 0 && len(a.From)+len(a.Quorum) == 0 {
		return nil
	}
	o := newObject()
	o.set("required", valueNode(a.Required))
	o.texts("from", a.From)
	if len(a.Quorum) > 0 {
		o.set("quorum", listNode(a.Quorum, func(q pipeline.Quorum) *yaml.Node {
			o := newObject()
			o.texts("from", q.From)
			o.set("required", valueNode(q.Required))
			return o.node
		}))
	}
	return o.node
}

func accessNode(a pipeline.Access) *yaml.Node {
	o := newObject()
	o.texts("promote", a.Promote)
	o.texts("abort", a.Abort)
	o.texts("verify", a.Verify)
	o.texts("approve", a.Approve)
	o.texts("freeze", a.Freeze)
	o.texts("override", a.Override)
	return o.orNil()
}
