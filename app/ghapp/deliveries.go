package ghapp

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/kargo-app/kargo/pipeline/step"
)

// Delivery is one attempt of GitHub to deliver a webhook. A redelivery is a new
// Delivery with the same GUID.
type Delivery struct {
	ID          int64
	GUID        string
	Event       string
	Action      string
	DeliveredAt time.Time
	// StatusCode is what we answered, 0 when GitHub did not reach us.
	StatusCode int
	// Installation and Repository are 0 for events that have none.
	Installation, Repository int64
}

type delivery struct {
	ID           int64     `json:"id"`
	GUID         string    `json:"guid"`
	Event        string    `json:"event"`
	Action       string    `json:"action"`
	DeliveredAt  time.Time `json:"delivered_at"`
	Status       string    `json:"status"`
	StatusCode   int       `json:"status_code"`
	Installation int64     `json:"installation_id"`
	Repository   int64     `json:"repository_id"`
	Request      struct {
		Payload json.RawMessage `json:"payload"`
	} `json:"request"`
}

func (d delivery) port() Delivery {
	return Delivery{
		ID: d.ID, GUID: d.GUID, Event: d.Event, Action: d.Action, DeliveredAt: d.DeliveredAt,
		StatusCode: d.StatusCode, Installation: d.Installation, Repository: d.Repository,
	}
}

// FailedDeliveries calls fn, oldest first, with the newest attempt of each
// webhook of which no attempt since then succeeded. GitHub keeps three days (seven
// on an Enterprise Server) and does not repeat anything by itself. An error of fn
// ends the walk and is returned.
func (a *App) FailedDeliveries(ctx context.Context, since time.Time, fn func(Delivery) error) error {
	// GitHub's filter by status would hide the success that followed a failure.
	var failed []Delivery
	decided := map[string]bool{}
	err := each(ctx, a.jwt, "app/hook/deliveries", url.Values{}, func(page []delivery) bool {
		for _, d := range page { // newest first
			if d.DeliveredAt.Before(since) {
				return false
			}
			if decided[d.GUID] {
				continue
			}
			decided[d.GUID] = true
			ok := d.StatusCode >= 200 && d.StatusCode < 300
			if !ok && !strings.EqualFold(d.Status, "pending") {
				failed = append(failed, d.port())
			}
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("list deliveries: %w", err)
	}
	for _, d := range slices.Backward(failed) {
		if err := fn(d); err != nil {
			return err
		}
	}
	return nil
}

// DeliveryPayload returns a delivery with its payload, byte for byte as GitHub
// has it, so that it can be processed without being delivered again.
func (a *App) DeliveryPayload(ctx context.Context, id int64) (Delivery, []byte, error) {
	var d delivery
	_, err := a.jwt.do(ctx, http.MethodGet, fmt.Sprintf("app/hook/deliveries/%d", id), nil, &d)
	if status(err) == http.StatusNotFound {
		return Delivery{}, nil, fmt.Errorf("delivery %d: %w", id, step.ErrNotFound)
	}
	if err != nil {
		return Delivery{}, nil, fmt.Errorf("delivery %d: %w", id, err)
	}
	if len(d.Request.Payload) == 0 || string(d.Request.Payload) == "null" {
		return Delivery{}, nil, fmt.Errorf("delivery %d: GitHub no longer has its payload: %w", id, step.ErrNotFound)
	}
	return d.port(), d.Request.Payload, nil
}

// Redeliver asks GitHub to deliver a webhook again.
func (a *App) Redeliver(ctx context.Context, id int64) error {
	_, err := a.jwt.do(ctx, http.MethodPost, fmt.Sprintf("app/hook/deliveries/%d/attempts", id), nil, nil)
	if err != nil && !isAccepted(err) {
		return fmt.Errorf("redeliver %d: %w", id, err)
	}
	return nil
}
