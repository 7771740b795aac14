package command

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

// parseFlags sets the command's flags and returns the other words.
func parseFlags(c *Command, verb Verb, words []string) (args []string, problem *Problem) {
	seen := map[string]bool{}
	for i := 0; i < len(words); i++ {
		w := words[i]
		if !strings.HasPrefix(w, "-") {
			args = append(args, w)
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimLeft(w, "-"), "=")
		f, ok := verb.flag(name)
		switch {
		case !ok || !strings.HasPrefix(w, "--"):
			return nil, verb.unknownFlag(w, name)
		case seen[f.name]:
			return nil, problemf("", "%s is given twice", code("--"+f.name))
		case f.value == "" && hasValue:
			return nil, problemf("", "%s takes no value", code("--"+f.name))
		case f.value != "" && !hasValue:
			if i++; i == len(words) {
				return nil, problemf("usage: "+code(verb.Usage), "%s needs a %s", code("--"+f.name), f.value)
			}
			value = words[i]
		}
		seen[f.name] = true
		if problem := c.set(f.name, value); problem != nil {
			return nil, problem
		}
	}
	return args, nil
}

func (v Verb) flag(name string) (flag, bool) {
	for _, f := range v.flags {
		if f.name == name {
			return f, true
		}
	}
	return flag{}, false
}

func (v Verb) unknownFlag(word, name string) *Problem {
	var valid []string
	for _, f := range v.flags {
		valid = append(valid, f.name)
	}
	message := fmt.Sprintf("%s has no flag %s", code(v.head()), code(word))
	if near := pipeline.DidYouMean(name, valid); near != "" {
		message += fmt.Sprintf("; did you mean %s?", code("--"+near))
	}
	return &Problem{Message: message, Hint: "usage: " + code(v.Usage)}
}

func (c *Command) set(name, value string) *Problem {
	switch name {
	case "dry-run":
		c.DryRun = true
	case "downstream":
		c.Downstream = true
	case "bypass":
		c.Bypass = true
	case "abort":
		c.Stop = true
	case "from-start":
		c.FromStart = true
	case "warehouse":
		return c.add(warehouseParam, value)
	case "until":
		d, ok := parseUntil(value)
		if !ok {
			return problemf("for example `90m`, `24h` or `7d`, at most a year", "%s is not a duration", code(value))
		}
		c.Until = d
	}
	return nil
}

var untilForm = regexp.MustCompile(`^([1-9][0-9]{0,6})([mhd])$`)

func parseUntil(s string) (time.Duration, bool) {
	m := untilForm.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, false
	}
	const day = 24 * time.Hour
	d := time.Duration(n) * map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": day}[m[2]]
	return d, d <= 366*day
}

var (
	nameForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)
	freightForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/:@+~-]*$`)
	valueForm    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*=`)
	artifactForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/:-]*(@[A-Za-z0-9][A-Za-z0-9._:+~-]*|:[A-Za-z0-9_][A-Za-z0-9._-]*)$`)
)

func parseArgs(c *Command, verb Verb, args []string) *Problem {
	usage := "usage: " + code(verb.Usage)
	need, limit := 0, 0
	for _, p := range verb.params {
		if !p.optional {
			need++
		}
		if limit++; p.many {
			limit += maxWords
		}
	}
	switch {
	case len(args) < need:
		return problemf(usage, "%s needs %s", code(verb.head()), verb.params[len(args)].kind.noun())
	case len(args) > limit && limit == 0:
		return problemf(usage, "%s takes no argument, but there is %s", code(verb.head()), code(args[0]))
	case len(args) > limit:
		return problemf(usage, "%s is one argument too many for %s", code(args[limit]), code(verb.head()))
	}
	seen := map[string]bool{}
	for i, arg := range args {
		p := verb.params[min(i, len(verb.params)-1)]
		if verb.params[0].many {
			p = verb.params[0]
			if last := len(args) - 1; i == last && i > 0 && p.kind == stageParam && isFreight(arg) {
				p = verb.params[1]
			}
		}
		if problem := c.add(p.kind, arg); problem != nil {
			problem.Hint = usage
			return problem
		}
		if verb.params[0].many && seen[arg] {
			return problemf("", "%s is named twice", code(arg))
		}
		seen[arg] = true
	}
	return nil
}

// isFreight reports a word that is a reference to Freight by its form alone.
func isFreight(word string) bool {
	kind := ParseFreight(word).Kind
	return kind != FreightAlias && kind != FreightDefault
}

// add puts one positional argument into the command.
func (c *Command) add(kind paramKind, arg string) *Problem {
	var form *regexp.Regexp
	switch kind {
	case freightParam:
		form = freightForm
	case artifactParam:
		form = artifactForm
	case valueParam:
		form = valueForm
	default:
		form = nameForm
	}
	if len(arg) > maxWord || !form.MatchString(arg) {
		return problemf("", "%s cannot be %s", code(arg), kind.noun())
	}
	switch kind {
	case stageParam:
		c.Stages = append(c.Stages, arg)
	case freightParam:
		c.Freight = ParseFreight(arg)
	case valueParam:
		name, value, _ := strings.Cut(arg, "=")
		if _, twice := c.Values[name]; twice {
			return problemf("", "%s is given twice", code(name))
		}
		if c.Values == nil {
			c.Values = map[string]string{}
		}
		c.Values[name] = value
	case promotionParam:
		c.Promotion = arg
	case warehouseParam:
		c.Warehouse = arg
	case pipelineParam:
		c.Pipeline = arg
	case nameParam:
		if isFreight(arg) {
			return problemf("", "%s would mean other Freight and cannot be a name", code(arg))
		}
		c.Name = arg
	case artifactParam:
		c.Artifacts = append(c.Artifacts, arg)
	}
	return nil
}

func checkReason(c *Command, verb Verb, reason string, given bool) *Problem {
	required := verb.reason == reasonRequired || verb.reason == reasonWithBypass && c.Bypass
	switch {
	case required && reason == "":
		return problemf("usage: "+code(verb.Usage), "%s needs a reason after ` -- `", code(verb.head()))
	case given && reason == "":
		return problemf("", "there is no reason after ` -- `")
	case len([]rune(reason)) > maxReason:
		return problemf("", "the reason is longer than %d characters", maxReason)
	}
	if bad := badReason(reason); bad != "" {
		return problemf("", "the reason has in it %s", bad)
	}
	c.Reason = reason
	return nil
}
