using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using CertActors.Diagnostics;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>What others have written into a certificate or a directory neither steers a terminal nor forges a line of the log.</summary>
public sealed class PrintableSpec : PipelineKit
{
    /// <summary>Sets a terminal's title, breaks the line, and turns the direction of reading.</summary>
    private const string Nasty = "a\e]0;title\a\r\nfake: entry\u202Eb\u2028\u0085\u007F";

    [Theory]
    [InlineData("CN=plain, O=\"Some, Inc.\" C:\\certs", "CN=plain, O=\"Some, Inc.\" C:\\certs")]
    [InlineData("CN=Jürgen Groß, O=日本語, Ελλάδα 😀", "CN=Jürgen Groß, O=日本語, Ελλάδα 😀")]
    [InlineData("\0\t\n\r\e\u007F\u0085\u009B", @"\u{0}\u{9}\u{A}\u{D}\u{1B}\u{7F}\u{85}\u{9B}")]
    [InlineData("\u200B\u202A\u202E\u2066\u2069\uFEFF", @"\u{200B}\u{202A}\u{202E}\u{2066}\u{2069}\u{FEFF}")]
    [InlineData("\u2028\u2029", @"\u{2028}\u{2029}")]
    [InlineData("\U000E0041", @"\u{E0041}")]
    public void Controls_formats_and_separators_are_written_out_and_nothing_else(string text, string expected) =>
        Assert.Equal(expected, Printable.Of(text));

    // Not among the data above: the test runner can't pass them on.
    [Fact]
    public void Halves_of_surrogate_pairs_are_written_out()
    {
        Assert.Equal(@"a\u{D83D}", Printable.Of("a\uD83D"));
        Assert.Equal(@"\u{DE00}b", Printable.Of("\uDE00b"));
    }

    [Fact]
    public void Json_keeps_its_value_and_its_lines()
    {
        const string json = "{\n  \"a\": \"\u202E\u2028\u007F\U000E0041 ü\"\n}";

        var printable = Printable.OfJson(json);

        Assert.Equal("{\n  \"a\": \"\\u202E\\u2028\\u007F\\uDB40\\uDC41 ü\"\n}", printable);
        Assert.Equal(JsonDocument.Parse(json).RootElement.GetProperty("a").GetString(), JsonDocument.Parse(printable).RootElement.GetProperty("a").GetString());
    }

    [Fact]
    public void A_subject_with_escape_sequences_is_logged_without_them()
    {
        var subject = new X500DistinguishedNameBuilder();
        subject.AddCommonName(Nasty);
        subject.AddOrganizationName("Jürgen Groß");
        Write(TestPair.Make());
        Start();

        Rotate(new TestLeaf { Subject = subject.Build(), RsaBits = 1024 }.Make());
        AdvancePastDebounce();

        var entry = Assert.Single(Logged(), entry => entry.Contains(nameof(RejectionReason.TooWeak), StringComparison.Ordinal));
        Assert.Contains(@"a\u{1B}]0;title\u{7}\u{D}\u{A}fake: entry\u{202E}b\u{2028}\u{85}\u{7F}", entry, StringComparison.Ordinal);
        Assert.Contains("Jürgen Groß", entry, StringComparison.Ordinal);
        Assert.Equal(entry, Printable.Of(entry));
    }

    [Fact]
    public void A_warning_about_a_served_certificate_is_logged_without_them()
    {
        var issuer = new TestAuthority(Nasty, new TestAuthority("root"), isAuthority: false);
        var leaf = new TestLeaf { Issuer = issuer }.Make();
        Write(leaf with { CertificatePem = leaf.CertificatePem + issuer.CertificatePem });
        Start();

        var entry = Assert.Single(Logged(), entry => entry.Contains("not allowed to issue certificates", StringComparison.Ordinal));
        Assert.Contains(@"\u{1B}]0;title", entry, StringComparison.Ordinal);
        Assert.Equal(entry, Printable.Of(entry));
    }
}
