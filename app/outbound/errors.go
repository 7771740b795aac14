package outbound

import "fmt"

// Setting is the name of the operator's list of allowed addresses.
const Setting = "KARGO_OUTBOUND_ALLOW"

// RefusedError says that a host may not be reached from pipelines.
type RefusedError struct {
	// Host is as the address names it; what it resolves to is not told, because that
	// may be nobody's business.
	Host string
	// Rule is what kind of address it is.
	Rule string
}

// Error names the rule and the setting.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s is %s, which pipelines may not reach unless the operator names it in %s", e.Host, e.Rule, Setting)
}

// TooLargeError says that an answer is longer than allowed.
type TooLargeError struct{ Limit int64 }

// Error implements error.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the answer is longer than %d bytes", e.Limit)
}
