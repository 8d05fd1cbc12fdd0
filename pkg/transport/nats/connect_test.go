package nats

import (
	"testing"

	"github.com/drey-sampler/drey/pkg/transport"
)

// TestURLs: what is no URL of a server is refused before anything is dialled, and no password comes into a log.
func TestURLs(t *testing.T) {
	for url, redacted := range map[string]string{
		"nats://a:4222":                      "nats://a:4222",
		"tls://a,wss://b:1, nats://[::1]:42": "tls://a,wss://b:1, nats://[::1]:42",
		"nats://me:secret@a:1,nats://b":      "nats://me:xxxxx@a:1,nats://b",
		"nats://token@a":                     "nats://xxxxx@a",
	} {
		if err := CheckURL(url); err != nil {
			t.Error(err)
		}
		if got := Redacted(url); got != redacted {
			t.Errorf("%s redacted is %s, want %s", url, got, redacted)
		}
	}
	for _, url := range []string{"", "a:4222", "127.0.0.1:4222", "http://a", "nats://", "nats:///a", "nats://a,", "nats://a nats://b", "nats://a:x"} {
		if err := CheckURL(url); transport.KindOf(err) != transport.Invalid {
			t.Errorf("%q: %v", url, err)
		}
	}
}
