package app_test

import (
	"strings"
	"testing"
)

func TestOutboundAllowIsCheckedAtTheStart(t *testing.T) {
	t.Parallel()
	env := required(t)
	env["KARGO_OUTBOUND_ALLOW"] = "prom.corp:9090, 10.1.0.0/16"
	if _, err := load(t, nil, env); err != nil {
		t.Error(err)
	}
	env["KARGO_OUTBOUND_ALLOW"] = "http://prom.corp"
	if _, err := load(t, nil, env); err == nil || !strings.Contains(err.Error(), "KARGO_OUTBOUND_ALLOW") {
		t.Errorf("a URL in the list: %v", err)
	}
}
