using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using Akka.Actor;
using CertActors.AspNetCore;
using CertActors.Hosting;
using CertActors.Tests.Support;
using Deque.AxeCore.Playwright;
using Microsoft.AspNetCore.Builder;
using Microsoft.Playwright;

namespace CertActors.IntegrationTests;

/// <summary>The page in a real browser: headless Chromium. The drain and the page run in virtual time.</summary>
public sealed class BrowserTests : DrainKit
{
    private static readonly BrowserTypeLaunchOptions Options = new() { ExecutablePath = ChromiumTheoryAttribute.Path, Args = ["--no-sandbox"] };

    private const string Expired = "expired.example.org";

    // In milliseconds. On a busy machine, the browser itself takes longer than the default of 30 s for the first page.
    private const float NavigationLimit = 180_000;

    private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _held;

    [ChromiumTheory]
    [InlineData(ColorScheme.Light, "rgb(246, 247, 249)")]
    [InlineData(ColorScheme.Dark, "rgb(20, 23, 27)")]
    public async Task A_rotation_a_rejection_and_a_drain_appear_without_a_reload_of_the_page(ColorScheme theme, string ground)
    {
        await using var server = await StartAsync();
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(Options);
        var context = await browser.NewContextAsync(new() { ColorScheme = theme, IgnoreHTTPSErrors = true, ViewportSize = new() { Width = 1100, Height = 900 } });
        var page = await context.NewPageAsync();
        List<string> errors = [];
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
                errors.Add(message.Text);
        };
        page.PageError += (_, error) => errors.Add(error);

        await page.GotoAsync($"https://localhost:{server.Endpoints[0].Port}/certificates", new() { Timeout = NavigationLimit });
        await page.EvaluateAsync("window.isSamePage = true");
        var pair = page.Locator("#item-default");
        await ShowsAsync(page.Locator("#live"), "live");
        Assert.Equal(ground, await page.EvaluateAsync<string>("getComputedStyle(document.body).backgroundColor"));
        await ShowsAsync(pair, "served");
        await ShowsAsync(page.Locator("#item-expired.bad"), "expired");
        await ShowsAsync(page.Locator("#item-clients table"), "CN=billing");
        await page.EvaluateAsync("getSelection().selectAllChildren(document.getElementById('pairs'))");

        // The old generation stays on the page as long as a request needs it. The page itself moves to the new one.
        await using var old = new Http1Client(await server.ConnectAsync());
        await old.SendAsync("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
        await Wait.UntilAsync(() => Volatile.Read(ref _held) == 1);
        await RotateAsync(server);
        await ShowsAsync(pair, "2, since");
        await ShowsAsync(pair.Locator("tr", new() { HasText = "UTC" }), "1");
        await ExpectNoViolationAsync(page);

        // A pair is removed while a request uses it.
        await using var left = new Http1Client(await server.ConnectAsync(name: Expired));
        await left.SendAsync("GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n");
        await Wait.UntilAsync(() => Volatile.Read(ref _held) == 2);
        Assert.True((await server.Supervisor.Ask<RemoveCertificateResult>(new RemoveCertificate("expired"), Generous)).WasKnown);
        await ShowsAsync(page.Locator("#removed-expired"), "removed, not drained");

        File.WriteAllText(Pair.CertificatePath, "no certificate");
        await ShowsAsync(pair, "new files rejected");
        await ShowsAsync(page.Locator("#recent li").First, "rejected");
        await ExpectNoViolationAsync(page);
        await SaveAsync(page, theme);

        _release.SetResult();
        await ShowsAsync(page.Locator("#recent"), "no connection uses generation 1 any more");

        // A section disappears with its last bundle.
        await server.Supervisor.Ask<RemoveTrustBundleResult>(new RemoveTrustBundle("clients"), Generous);
        await PassUntilAsync(async () => await page.Locator("#bundles").CountAsync() == 0);

        Assert.Equal("Pairs", await page.EvaluateAsync<string>("getSelection().toString()"));
        Assert.True(await page.EvaluateAsync<bool>("window.isSamePage"));
        Assert.Empty(errors);
    }

    [ChromiumTheory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task Without_JavaScript_the_page_is_the_same_and_says_that_it_must_be_reloaded(ColorScheme theme)
    {
        await using var server = await StartAsync();
        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(Options);
        var context = await browser.NewContextAsync(new() { ColorScheme = theme, JavaScriptEnabled = false, IgnoreHTTPSErrors = true });
        var page = await context.NewPageAsync();

        await page.GotoAsync($"https://localhost:{server.Endpoints[0].Port}/certificates", new() { Timeout = NavigationLimit });

        await ShowsAsync(page.Locator("#live"), "reload the page to see changes");
        await ShowsAsync(page.Locator("#item-default"), "CN=localhost");

        // axe is a script itself: it gets what the browser shows, without the page's own.
        var shown = await (await browser.NewContextAsync(new() { ColorScheme = theme })).NewPageAsync();
        await shown.SetContentAsync(Regex.Replace(await page.ContentAsync(), "<script>.*?</script>", "", RegexOptions.Singleline), new() { Timeout = NavigationLimit });
        await ShowsAsync(shown.Locator("#item-expired.bad"), "expired");
        await ExpectNoViolationAsync(shown);
    }

    private async Task<KestrelServer> StartAsync()
    {
        var (authority, unused) = (new TestAuthority("clients 2026"), new TestAuthority("clients 2025"));
        var bundle = Path.Combine(Path.GetDirectoryName(Pair.CertificatePath)!, "clients.pem");
        await File.WriteAllTextAsync(bundle, authority.CertificatePem + unused.CertificatePem);
        var expired = new CertificateOptions { Name = "expired", CertificatePath = Path.ChangeExtension(bundle, ".crt"), KeyPath = Path.ChangeExtension(bundle, ".key") };
        var leaf = new TestLeaf { Names = [Expired], NotAfter = DateTimeOffset.UtcNow.AddDays(-3) }.Make();
        await File.WriteAllTextAsync(expired.CertificatePath, leaf.CertificatePem);
        await File.WriteAllTextAsync(expired.KeyPath, leaf.KeyPem);
        var server = await StartServerAsync(Additions(expired, new TrustBundleOptions { Name = "clients", CertificatePaths = [bundle] }));
        await server.Holder.WaitForAllAsync(Generous);

        // A peer of one of the authorities was accepted.
        var facts = server.Holder.GetTrustBundle("clients")!.Authorities[0];
        using var peer = X509Certificate2.CreateFromPem(new TestLeaf { Issuer = authority, Subject = new X500DistinguishedName("CN=billing") }.Make().CertificatePem);
        server.Holder.FindAcceptances("clients")!.Recorder(new TrustResult { Refusal = null, Message = "", Authority = facts }, peer, server.Holder.UtcNow());
        return server;
    }

    private KestrelServer.Additions Additions(CertificateOptions pair, TrustBundleOptions bundle)
    {
        var draining = Draining();
        return draining with
        {
            Build = builder =>
            {
                draining.Build(builder);
                builder.Services.AddCertificates(new CertificatesOptions { Certificates = [pair], TrustBundles = [bundle] });
            },
            Map = Map,
        };
    }

    private void Map(WebApplication app)
    {
        app.MapCertificates();
        app.MapGet("/hold", async () =>
        {
            Interlocked.Increment(ref _held);
            await _release.Task.WaitAsync(Generous);
            return "held";
        });
    }

    private Task ShowsAsync(ILocator place, string text) => PassUntilAsync(async () => await place.Filter(new() { HasText = text }).CountAsync() > 0);

    private static async Task ExpectNoViolationAsync(IPage page)
    {
        var result = await page.RunAxe();
        Assert.True(result.Violations.Length == 0, string.Join("; ", result.Violations.Select(violation => $"{violation.Id}: {violation.Help} {violation.Nodes[0].Html}")));
    }

    // For whoever wants to look at it.
    private static async Task SaveAsync(IPage page, ColorScheme theme)
    {
        if (Environment.GetEnvironmentVariable("CERTACTORS_SCREENSHOTS") is { } directory)
            await page.ScreenshotAsync(new() { Path = Path.Combine(directory, $"certificates-{theme}.png".ToLowerInvariant()), FullPage = true });
    }
}
