package verify

import (
	"context"
	"fmt"
)

// unsupported is a provider that is known but not there.
type unsupported struct{ kind, instead string }

// Measure implements Provider.
func (u unsupported) Measure(context.Context, Look) (Outcome, error) {
	return Outcome{}, Permanent(fmt.Errorf("the provider %s is not supported; %s", u.kind, u.instead))
}
