package e2e_test

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/kargo-app/kargo/app/cli"
)

// asKargo makes the test binary behave as the kargo command, so that the server
// is a process that can be killed without building anything first.
const asKargo = "KARGO_E2E_RUN_AS_KARGO"

func TestMain(m *testing.M) {
	// The server starts itself anew to render, without an environment.
	if os.Getenv(asKargo) == "" && (len(os.Args) < 2 || os.Args[1] != cli.RenderCommand) {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
