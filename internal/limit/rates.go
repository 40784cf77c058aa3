package limit

// Rates are how often callers may do what, with the settings they come from and
// their defaults. Zero values are no limit.
type Rates struct {
	Requests      Rate `env:"REQUESTS" envDefault:"1200/1m"`        // of a person
	KeyRequests   Rate `env:"KEY_REQUESTS" envDefault:"300000/1m"`  // of an API key
	Anonymous     Rate `env:"ANONYMOUS" envDefault:"300/1m"`        // from an address, of nobody we know
	Claims        Rate `env:"CLAIMS" envDefault:"60/1m"`            // of a user
	SignIns       Rate `env:"SIGN_INS" envDefault:"10/15m"`         // tries for one account from one address
	SignInsFrom   Rate `env:"SIGN_INS_FROM" envDefault:"100/15m"`   // tries from one address
	SignInsTo     Rate `env:"SIGN_INS_TO" envDefault:"100/15m"`     // tries for one account, from anywhere
	Registrations Rate `env:"REGISTRATIONS" envDefault:"60/1h"`     // new accounts from one address
	WrongCodes    Rate `env:"WRONG_CODES" envDefault:"10/10m"`      // codes that are not his, of a user
	WrongFrom     Rate `env:"WRONG_CODES_FROM" envDefault:"50/10m"` // the same from one address
}

// RequestRule and the others name the rates for those who meet them.
func (r Rates) RequestRule() Rule { return Rule{"requests", r.Requests} }

// KeyRequestRule is for API keys.
func (r Rates) KeyRequestRule() Rule { return Rule{"key-requests", r.KeyRequests} }

// AnonymousRule is for nobody we know, by address.
func (r Rates) AnonymousRule() Rule { return Rule{"anonymous", r.Anonymous} }

// ClaimRule is for users who claim.
func (r Rates) ClaimRule() Rule { return Rule{"claims", r.Claims} }

// SignInRule is for tries to sign in to one account from one address.
func (r Rates) SignInRule() Rule { return Rule{"sign-ins", r.SignIns} }

// SignInFromRule is for tries to sign in from one address.
func (r Rates) SignInFromRule() Rule { return Rule{"sign-ins-from", r.SignInsFrom} }

// SignInToRule is for tries to sign in to one account.
func (r Rates) SignInToRule() Rule { return Rule{"sign-ins-to", r.SignInsTo} }

// RegistrationRule is for new accounts, by address.
func (r Rates) RegistrationRule() Rule { return Rule{"registrations", r.Registrations} }

// WrongCodeRule is for codes that are not a user's.
func (r Rates) WrongCodeRule() Rule { return Rule{"wrong-codes", r.WrongCodes} }

// WrongFromRule is for the same, by address.
func (r Rates) WrongFromRule() Rule { return Rule{"wrong-codes-from", r.WrongFrom} }
