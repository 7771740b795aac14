package secret

import (
	"context"
	"log/slog"
)

// Logger returns a Logger that writes where log does, without the values that the Mask
// knows by then.
func (m *Mask) Logger(log *slog.Logger) *slog.Logger {
	return slog.New(&handler{mask: m, next: log.Handler()})
}

type handler struct {
	mask *Mask
	next slog.Handler
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	hidden := slog.NewRecord(r.Time, r.Level, h.mask.Hide(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		hidden.AddAttrs(h.attr(a))
		return true
	})
	return h.next.Handle(ctx, hidden)
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	hidden := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		hidden[i] = h.attr(a)
	}
	return &handler{mask: h.mask, next: h.next.WithAttrs(hidden)}
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{mask: h.mask, next: h.next.WithGroup(name)}
}

func (h *handler) attr(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() { //nolint:exhaustive // times and durations are no secrets
	case slog.KindGroup:
		group := v.Group()
		hidden := make([]slog.Attr, len(group))
		for i, member := range group {
			hidden[i] = h.attr(member)
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(hidden...)}
	case slog.KindString, slog.KindAny, slog.KindInt64, slog.KindUint64, slog.KindFloat64:
		if text := v.String(); h.mask.Hide(text) != text {
			return slog.String(a.Key, h.mask.Hide(text))
		}
	}
	return slog.Attr{Key: a.Key, Value: v}
}
