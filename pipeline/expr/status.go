package expr

import (
	"errors"
	"strings"
)

// failure is true when an earlier step failed, not counting steps that may fail. One
// that a person ended counts in any case.
func (e *Env) failure(...any) (any, error) {
	for _, s := range e.Steps {
		if s.Phase == phaseAborted || !s.ContinueOnError && (s.Phase == phaseFailed || s.Phase == phaseErrored) {
			return true, nil
		}
	}
	return false, nil
}

func (e *Env) success(...any) (any, error) {
	failed, err := e.failure()
	return failed == false, err
}

// status gives the phase of the step with that alias in the same task, or outside of
// tasks when the running step is; the empty string when there is none.
func (e *Env) status(args ...any) (any, error) {
	alias, err := text(args, 0)
	if err != nil {
		return nil, err
	}
	if alias == "" {
		return nil, errors.New("the alias of the step is empty")
	}
	task, _ := splitAlias(e.Alias)
	for _, s := range e.Steps {
		if stepTask, step := splitAlias(s.Alias); stepTask == task && step == alias {
			return s.Phase, nil
		}
	}
	return "", nil
}

// splitAlias splits task::step; an alias of another form has no task.
func splitAlias(alias string) (task, step string) {
	if task, step, ok := strings.Cut(alias, "::"); ok && !strings.Contains(step, "::") {
		return task, step
	}
	return "", alias
}
