// The Durable Streams project's own suite for servers, run by vitest against CONFORMANCE_URL.
const { runConformanceTests } = await import(process.env.CONFORMANCE_SUITE)

runConformanceTests({ baseUrl: process.env.CONFORMANCE_URL, subscriptions: true })
