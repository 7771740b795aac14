package expr

import (
	"errors"
	"fmt"
	"time"

	"github.com/Masterminds/semver/v3"
)

// function is one function of the language. expr checks the number of arguments, and
// their types where it knows them, against types; of several it reports the fault with the
// last, so the simplest form stands there. bind returns the implementation for one evaluation.
type function struct {
	types []any
	allow Allow
	bind  func(*runner) func(args ...any) (any, error)
}

// signatures is the table of all functions beyond expr's own.
var signatures = map[string]function{
	"quote":       {types: []any{new(func(any) string)}, bind: pure(quote)},
	"unsafeQuote": {types: []any{new(func(any) string)}, bind: pure(unsafeQuote)},
	"asYAML":      {types: []any{new(func(any) string)}, bind: onBudget((*budget).asYAML)},
	"asJSON":      {types: []any{new(func(any) string)}, bind: onBudget((*budget).asJSON)},

	"warehouse": {types: []any{new(func(string) Origin)}, bind: pure(warehouse)},
	"commitFrom": {
		types: []any{new(func(string, Origin) *Commit), new(func(string) *Commit)},
		bind:  finder((*Env).commitFrom),
	},
	"imageFrom": {
		types: []any{new(func(string, Origin) *Image), new(func(string) *Image)},
		bind:  finder((*Env).imageFrom),
	},
	"chartFrom": {
		types: []any{
			new(func(string, string, Origin) *Chart), new(func(string, Origin) *Chart),
			new(func(string, string) *Chart), new(func(string) *Chart),
		},
		bind: finder((*Env).chartFrom),
	},
	"artifactFrom": {
		types: []any{new(func(string, Origin) *Artifact), new(func(string) *Artifact)},
		bind:  finder((*Env).artifactFrom),
	},

	"freightMetadata": lookup("Freight", func(e *Env) map[string]map[string]any { return e.FreightMetadata }),
	"stageMetadata":   lookup("Stage", func(e *Env) map[string]map[string]any { return e.StageMetadata }),
	"freightStatus":   {types: []any{new(func(string) map[string]any)}, bind: onEnv(freightStatus)},

	"configMap":       clusterOnly("configMap", "vars.NAME"),
	"sharedConfigMap": clusterOnly("sharedConfigMap", "vars.NAME"),
	"secret":          clusterOnly("secret", "secrets.NAME"),
	"sharedSecret":    clusterOnly("sharedSecret", "secrets.NAME"),

	"semverDiff":  {types: []any{new(func(string, string) string)}, bind: pure(semverDiff)},
	"semverParse": {types: []any{new(func(string) *semver.Version)}, bind: pure(semverParse)},

	"always":  {types: []any{new(func() bool)}, allow: AllowStatus, bind: pure(func(...any) (any, error) { return true, nil })},
	"success": {types: []any{new(func() bool)}, allow: AllowStatus, bind: onEnv((*Env).success)},
	"failure": {types: []any{new(func() bool)}, allow: AllowStatus, bind: onEnv((*Env).failure)},
	"status":  {types: []any{new(func(string) string)}, allow: AllowStatus, bind: onEnv((*Env).status)},
}

// statusElsewhere explains where the functions with AllowStatus may be used.
const statusElsewhere = "is available only in the if and config of a step"

func pure(f func(args ...any) (any, error)) func(*runner) func(args ...any) (any, error) {
	return func(*runner) func(args ...any) (any, error) { return f }
}

func onEnv(f func(*Env, ...any) (any, error)) func(*runner) func(args ...any) (any, error) {
	return func(r *runner) func(args ...any) (any, error) {
		return func(args ...any) (any, error) { return f(&r.env, args...) }
	}
}

func onBudget(f func(*budget, ...any) (any, error)) func(*runner) func(args ...any) (any, error) {
	return func(r *runner) func(args ...any) (any, error) {
		return func(args ...any) (any, error) { return f(&r.budget, args...) }
	}
}

// lookup makes a function that gives the map stored under a name, nil without one.
func lookup(kind string, table func(*Env) map[string]map[string]any) function {
	return function{
		types: []any{new(func(string) map[string]any)},
		bind: onEnv(func(e *Env, args ...any) (any, error) {
			name, err := text(args, 0)
			if err != nil {
				return nil, err
			}
			if name == "" {
				return nil, fmt.Errorf("the name of the %s is empty", kind)
			}
			found, ok := table(e)[name]
			if !ok || found == nil {
				return nil, nil
			}
			return members(found), nil
		}),
	}
}

// freightStatus gives what has become of Freight, nil for Freight that nobody knows.
func freightStatus(e *Env, args ...any) (any, error) {
	name, err := text(args, 0)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, errors.New("the name of the Freight is empty")
	}
	if e.FreightStatus == nil {
		return nil, nil
	}
	status, err := e.FreightStatus(name)
	if err != nil || status == nil {
		return nil, err
	}
	return members(status), nil
}

// clusterOnly makes a function of Kargo that reads from the Kubernetes cluster.
func clusterOnly(name, instead string) function {
	err := fmt.Errorf("%s() is not available: there is no cluster to read from; use %s", name, instead)
	return function{
		types: []any{new(func(string) map[string]string)},
		bind:  pure(func(...any) (any, error) { return nil, err }),
	}
}

// nowFunction replaces expr's now() where the Env brings a clock.
func nowFunction(now func() time.Time) func(args ...any) (any, error) {
	return func(...any) (any, error) { return now(), nil }
}

// text returns argument i, which must be a string: expr checks types at compile time
// only where it knows them.
func text(args []any, i int) (string, error) {
	if i >= len(args) {
		return "", fmt.Errorf("argument %d is missing", i+1)
	}
	s, ok := args[i].(string)
	if !ok {
		return "", fmt.Errorf("argument %d must be a string, not %s", i+1, describe(args[i]))
	}
	return s, nil
}

var errEmptyName = errors.New("the name of the Warehouse is empty")

func warehouse(args ...any) (any, error) {
	name, err := text(args, 0)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, errEmptyName
	}
	return Origin{Kind: originKind, Name: name}, nil
}
