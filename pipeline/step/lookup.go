package step

import "time"

// lookup is the part of an output by which a step that creates things without an
// idempotency key keeps from creating one twice. What an earlier pass made may take
// moments to appear in the host's lists.
type lookup struct {
	Looked int `json:"looked,omitempty" doc:"the pass that looked in vain for what an earlier one may have made"`
}

// appears is how long what was created may take to appear in lists.
const appears = 5 * time.Second

// unsure reports whether it is too early to create what was not found: an earlier
// pass may have created it. It then notes that this pass has looked.
func (l *lookup) unsure(env Env, prior lookup) bool {
	if env.Attempt <= 1 || prior.Looked == env.Attempt-1 {
		return false
	}
	l.Looked = env.Attempt
	return true
}

// lookAgain parks a step that is unsure.
func lookAgain(env Env, what string) error {
	return &WaitError{Message: "making sure that " + what + " was not created before", Until: env.Now().Add(appears)}
}
