package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"
)

// listen opens a port. With fallback it takes a free one when addr is taken.
func listen(ctx context.Context, addr string, fallback bool) (l net.Listener, fell bool, err error) {
	var lc net.ListenConfig
	l, err = lc.Listen(ctx, "tcp", addr)
	if fallback && errors.Is(err, syscall.EADDRINUSE) {
		host, _, _ := net.SplitHostPort(addr) // it was good enough to be in use
		l, err = lc.Listen(ctx, "tcp", net.JoinHostPort(host, "0"))
		fell = true
	}
	if err != nil {
		return nil, false, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, fell, nil
}

// serve serves h until ctx ends. Requests see the end of ctx too, and get a
// moment to finish.
func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{
		Handler:           h,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(l) }()
	select {
	case err := <-stopped:
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	if server.Shutdown(drain) != nil {
		_ = server.Close() // whoever still reads is cut off
	}
	if err := <-stopped; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", l.Addr(), err)
	}
	return nil
}
