package webhook

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	secretBytes = 32
	minSecret   = 24 // what Standard Webhooks asks for; its library takes an empty one
)

// NewSecret makes the secret of an endpoint.
func NewSecret() []byte {
	secret := make([]byte, secretBytes)
	_, _ = rand.Read(secret) // never fails
	return secret
}

// SecretText is a secret as its owner gets it.
func SecretText(secret []byte) string { return "whsec_" + base64.StdEncoding.EncodeToString(secret) }

// sign makes the headers of Standard Webhooks, with a signature for each secret.
func sign(id string, at time.Time, body []byte, secrets [][]byte) (http.Header, error) {
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		if len(secret) < minSecret {
			return nil, fmt.Errorf("the secret has %d bytes, needs at least %d", len(secret), minSecret)
		}
		key, err := standardwebhooks.NewWebhookRaw(secret)
		if err == nil {
			signatures[i], err = key.Sign(id, at, body)
		}
		if err != nil {
			return nil, fmt.Errorf("sign a webhook: %w", err)
		}
	}
	header := http.Header{}
	header.Set(standardwebhooks.HeaderWebhookID, id)
	header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	return header, nil
}
