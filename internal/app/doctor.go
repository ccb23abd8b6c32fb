package app

import (
	"context"
	"errors"

	"github.com/ashlar-dev/ashlar/internal/doctor"
	"github.com/ashlar-dev/ashlar/internal/model"
)

// Examine finds what is wrong with the deployment of an app whose server listens at an address. It changes nothing.
func Examine(ctx context.Context, loaded *Loaded, cfg Config, listen string) *doctor.Report {
	cfg = cfg.withDefaults(loaded.Dir)
	functions, _ := errors.AsType[model.Faults](loaded.CheckFunctions(cfg.Functions))
	return doctor.Examine(ctx, doctor.Deployment{
		Rules: loaded.Rules, Data: cfg.Data, Database: cfg.Database, Direct: cfg.Direct,
		Listen: listen, URL: cfg.URL, SMTP: cfg.SMTP, Proxies: cfg.Proxies, CORS: cfg.CORS,
		Limits: cfg.Limits, Readers: cfg.Readers, MaxConcurrent: cfg.MaxConcurrent,
		TLSCert: cfg.TLS.Cert, TLSKey: cfg.TLS.Key, ACME: cfg.TLS.Domains, ACMEDirectory: cfg.TLS.Directory,
		Layout: doctor.Layout{Database: databaseFile, Key: keyFile, Secret: "secret-key.pem", Keys: "signing-keys", Queries: usageFile},
		System: systemTables(), Now: cfg.Now, Functions: functions,
	})
}
