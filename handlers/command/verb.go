package command

import "strings"

// The verbs, by their names in Command.Verb.
const (
	VerbPromote  = "promote"
	VerbRollback = "rollback"
	VerbStatus   = "status"
	VerbWhere    = "where"
	VerbDiff     = "diff"
	VerbWhy      = "why"
	VerbFreight  = "freight"
	VerbHelp     = "help"
	VerbApprove  = "approve"
	VerbReject   = "reject"
	VerbAnswer   = "answer"
	VerbVerify   = "verify"
	VerbAbort    = "abort"
	VerbRetry    = "retry"
	VerbHold     = "hold"
	VerbResume   = "resume"
	VerbFreeze   = "freeze"
	VerbThaw     = "thaw"
	VerbAlias    = "alias"
	VerbRefresh  = "refresh"
	VerbCreate   = "create"
	VerbDelete   = "delete"
)

// Verb is one row of the table of commands. The table is the only place that
// says what a command looks like: the parser, the usage lines, the help reply
// and the README follow from it.
type Verb struct {
	// Name is what is typed after "/kargo".
	Name string
	// Usage is the whole line, with <required> and [optional] parts.
	Usage string
	// Summary says what it does, in Markdown on one line.
	Summary string
	// Access is the right that it takes, as in the `access` section of the
	// configuration; "read" means everybody who can see the comment.
	Access string

	short  bool // may be typed without "/kargo"
	params []param
	flags  []flag
	reason reasonRule
}

// param is a positional argument.
type param struct {
	kind     paramKind
	optional bool
	many     bool
}

type paramKind string

const (
	stageParam     paramKind = "stage"
	freightParam   paramKind = "freight"
	promotionParam paramKind = "promotion"
	warehouseParam paramKind = "warehouse"
	nameParam      paramKind = "name"
	artifactParam  paramKind = "artifact"
	pipelineParam  paramKind = "pipeline"
	valueParam     paramKind = "name=value"
)

// noun names what the argument is, in messages.
func (k paramKind) noun() string {
	switch k {
	case stageParam:
		return "a Stage"
	case freightParam:
		return "Freight"
	case promotionParam:
		return "a promotion's id"
	case warehouseParam:
		return "a Warehouse"
	case pipelineParam:
		return "a pipeline"
	case valueParam:
		return "a value like `ticket=OPS-7`"
	case artifactParam:
		return "an artifact like `web@1.9.3`"
	default:
		return "a name"
	}
}

type flag struct {
	name  string
	value string // placeholder of its value; empty for a switch
}

type reasonRule int

const (
	reasonOptional reasonRule = iota
	reasonRequired
	reasonWithBypass // required together with --bypass
)

// Verbs returns the table of all commands. The slice is the caller's.
func Verbs() []Verb {
	stage, freight := param{kind: stageParam}, param{kind: freightParam, optional: true}
	promotion := param{kind: promotionParam, optional: true}
	verbs := []Verb{
		{
			Name: VerbPromote, Access: "promote", short: true,
			Summary: "Promote Freight into one or more Stages. Without Freight: the one that holds this pull request's change, else the newest that the Stage may take. `--dry-run` only says what would happen; `--downstream` means the Stages that take Freight from the named one, all or none.",
			params:  []param{{kind: stageParam, many: true}, freight},
			flags:   []flag{{name: "dry-run"}, {name: "downstream"}},
		},
		{
			Name: VerbRollback, Access: "promote", short: true,
			Summary: "Bring back earlier Freight, by default the one verified before the current, and hold the Stage.",
			params:  []param{stage, freight},
		},
		{
			Name: VerbStatus, Access: "read",
			Summary: "Show what runs in each Stage, or in one.",
			params:  []param{{kind: stageParam, optional: true}},
		},
		{
			Name: VerbWhere, Access: "read",
			Summary: "Show where this pull request's change is; elsewhere, what is in every Stage.",
		},
		{
			Name: VerbDiff, Access: "read", Summary: "Show what a promotion would change.",
			params: []param{stage, freight},
		},
		{
			Name: VerbWhy, Access: "read",
			Summary: "Show every gate between Freight and a Stage: what is expected, what was observed, when it is looked at again.",
			params:  []param{stage, freight},
		},
		{
			Name: VerbFreight, Access: "read",
			Summary: "List the newest Freight and where it is, and what every Warehouse found and rejected.",
			params:  []param{{kind: warehouseParam, optional: true}},
		},
		{Name: VerbHelp, Access: "read", Summary: "Show this table."},
		{
			Name: VerbApprove, Access: "approve", Summary: "Approve a waiting promotion. `--bypass` skips upstream verification, takes the right to override, and is audited.",
			params: []param{stage, freight}, flags: []flag{{name: "bypass"}}, reason: reasonWithBypass,
		},
		{
			Name: VerbReject, Access: "approve", Summary: "End a waiting promotion as failed and close its pull request.",
			params: []param{stage}, reason: reasonRequired,
		},
		{
			Name: VerbAnswer, Access: "promote",
			Summary: "Answer the step of a promotion that asks, with values by name, or with words after ` -- ` where one text is asked for.",
			params:  []param{stage, {kind: valueParam, optional: true, many: true}},
		},
		{
			Name: VerbVerify, Access: "verify", Summary: "Run a Stage's verification again, or stop it.",
			params: []param{stage}, flags: []flag{{name: "abort"}},
		},
		{
			Name: VerbAbort, Access: "abort",
			Summary: "Stop a promotion and close its pull request. Without an id: the promotion of this pull request.",
			params:  []param{promotion},
		},
		{
			Name: VerbRetry, Access: "promote",
			Summary: "Take a promotion up again that did not succeed, from the step that failed or, with `--from-start`, from the first. Without an id: the promotion of this pull request.",
			params:  []param{promotion}, flags: []flag{{name: "from-start"}},
		},
		{
			Name: VerbHold, Access: "promote", Summary: "Stop a Stage's automation.",
			params: []param{stage}, reason: reasonRequired,
		},
		{Name: VerbResume, Access: "promote", Summary: "Let a Stage's automation go on.", params: []param{stage}},
		{
			Name: VerbFreeze, Access: "freeze", Summary: "Stop the whole pipeline, for good or for a time (`90m`, `24h`, `7d`).",
			params: []param{{kind: pipelineParam, optional: true}}, flags: []flag{{name: "until", value: "duration"}}, reason: reasonRequired,
		},
		{
			Name: VerbThaw, Access: "freeze", Summary: "End a freeze.",
			params: []param{{kind: pipelineParam, optional: true}},
		},
		{
			Name: VerbAlias, Access: "promote", Summary: "Give Freight another name.",
			params: []param{{kind: freightParam}, {kind: nameParam}},
		},
		{
			Name: VerbRefresh, Access: "promote", Summary: "Look for new artifacts now.",
			params: []param{{kind: warehouseParam, optional: true}},
		},
		{
			Name: VerbCreate, Access: "promote", Summary: "Put Freight together by hand: one `name@version` for every subscription of a Warehouse, and any `registry/image:tag` that nobody subscribes to.",
			params: []param{{kind: artifactParam, many: true}}, flags: []flag{{name: "warehouse", value: "name"}},
		},
		{
			Name: VerbDelete, Access: "promote", Summary: "Delete Freight that is in no Stage.",
			params: []param{{kind: freightParam}},
		},
	}
	for i := range verbs {
		verbs[i].Usage = verbs[i].usage()
	}
	return verbs
}

func (v Verb) usage() string {
	var b strings.Builder
	b.WriteString(v.head())
	for _, p := range v.params {
		word := string(p.kind)
		if p.many {
			word += "..."
		}
		if p.optional {
			b.WriteString(" [" + word + "]")
		} else {
			b.WriteString(" <" + word + ">")
		}
	}
	for _, f := range v.flags {
		b.WriteString(" [--" + f.name)
		if f.value != "" {
			b.WriteString(" <" + f.value + ">")
		}
		if v.reason == reasonWithBypass {
			b.WriteString(" -- reason")
		}
		b.WriteString("]")
	}
	if v.reason == reasonRequired {
		b.WriteString(" -- reason")
	}
	return b.String()
}

// head is how the command starts.
func (v Verb) head() string {
	if v.short {
		return "/" + v.Name
	}
	return "/kargo " + v.Name
}
