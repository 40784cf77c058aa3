package auth

// SigningKey is the header of the tokens that keys sign, and the key.
func SigningKey(keys Keyring) (header map[string]any, key []byte) {
	signs := keys.keysFor("access token")[0]
	return map[string]any{"alg": "HS256", "typ": "JWT", "kid": signs.id}, signs.key
}
