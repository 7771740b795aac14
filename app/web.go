package app

import (
	"errors"
	"net/http"

	"github.com/kargo-app/kargo/app/outbound"
	"github.com/kargo-app/kargo/pipeline/step"
)

// web lets steps reach the services that pipelines name, through guarded clients.
type web struct{ allow outbound.Allow }

var _ step.Web = web{}

// Client implements step.Web.
func (w web) Client(t step.WebTerms) (*http.Client, error) {
	o := outbound.Options{
		// One byte more, so that the reader can tell the end from the limit.
		Allow: w.allow, Timeout: t.Timeout, MaxBody: t.MaxBody + 1,
		InsecureSkipVerify: t.InsecureSkipTLSVerify, SingleUse: true, UserAgent: "kargo",
	}
	if t.Proxy != "" {
		var err error
		if o.Proxy, err = outbound.ParseProxy(t.Proxy); err != nil {
			return nil, err
		}
	}
	client := *outbound.New(o).HTTPClient()
	client.Transport = knownErrors{client.Transport}
	return &client, nil
}

// knownErrors says the errors of the guard in terms of steps.
type knownErrors struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (k knownErrors) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := k.next.RoundTrip(req)
	if _, refused := errors.AsType[*outbound.RefusedError](err); refused {
		return resp, &knownError{err, step.ErrRefusedAddress}
	}
	if _, long := errors.AsType[*outbound.TooLargeError](err); long {
		return resp, &knownError{err, step.ErrTooLong}
	}
	return resp, err
}

type knownError struct {
	error
	is error
}

func (e *knownError) Unwrap() []error { return []error{e.error, e.is} }
