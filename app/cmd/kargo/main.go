// Command kargo is continuous promotion for GitOps on GitHub: the server of the
// GitHub App, and tools that need no server.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/kargo-app/kargo/app/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], os.Getenv, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
