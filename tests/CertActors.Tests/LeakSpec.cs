using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Akka.Actor;
using Akka.Event;
using CertActors.Diagnostics;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>
/// A key and a password with known marks go through everything that can happen to a pair. No message, log line, exception or status contains them, in
/// any form.
/// </summary>
[Collection(ReloadTrace.SourceName)] // Whoever listens to the traces does so for the whole process.
public sealed class LeakSpec : PipelineKit
{
    private const string PasswordPath = "/certs/password";
    private const string Password = "PASSWORD-MARK-27182818284";

    // The private key is a number of our choice.
    private static readonly byte[] KeyMark = "PRIVATE-KEY-MARK-314159265358979"u8.ToArray();

    private readonly ConcurrentQueue<object> _output = [];
    private readonly ActivityListener _traces;

    public LeakSpec()
    {
        // Everything that is published, logged at any level or lost, and not only what is meant to be.
        Sys.EventStream.SetLogLevel(LogLevel.DebugLevel);
        var listener = Sys.ActorOf(Props.Create(() => new Listener(_output)));
        Sys.EventStream.Subscribe(listener, typeof(object));

        // Those of tests that run at the same time are recorded, too.
        _traces = new ActivityListener
        {
            ShouldListenTo = source => source.Name == ReloadTrace.SourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity => Add($"{activity.DisplayName} {activity.StatusDescription} {string.Join(' ', activity.TagObjects)}"),
        };
        ActivitySource.AddActivityListener(_traces);
    }

    protected override void AfterAll()
    {
        _traces.Dispose();
        base.AfterAll();
    }

    [Fact]
    public async Task No_mark_is_anywhere()
    {
        await RunAsync();
        Assert.Empty(Found());
        var reasons = _output.OfType<CertificateReloadFailed>().Select(failure => failure.Reason).ToHashSet();
        Assert.Superset(new HashSet<RejectionReason> { RejectionReason.KeyMalformed, RejectionReason.KeyMismatch, RejectionReason.PasswordWrong }, reasons);
        Assert.True(reasons.Count >= 7, "The run has too few reasons in it.");
    }

    [Theory]
    [InlineData("text")]
    [InlineData("DER")]
    [InlineData("password")]
    public async Task A_planted_leak_is_found(string form)
    {
        var pair = Marked();
        var leak = form switch
        {
            "text" => pair.KeyPem,
            "DER" => Convert.ToHexString(Decode(pair.KeyPem)),
            _ => Password,
        };
        Files.Fail("/certs/other.key", new IOException($"error {leak}"));
        await RunAsync();
        Assert.NotEmpty(Found());
    }

    private async Task RunAsync()
    {
        var pair = Marked();
        Write(pair);
        Files.Write(PasswordPath, Password + "\n");
        Start(Options() with { PasswordPath = PasswordPath }, Options("other", CertPath, "/certs/other.key"));

        // In every format, complete and damaged, with matching and other files.
        byte[] encrypted = Encoding.ASCII.GetBytes(Encrypted(pair)), pfx = pair.ToPkcs12(Password), wrong = pair.ToPkcs12("another");
        var damaged = Encoding.ASCII.GetBytes(pair.KeyPem.Insert(100, "!"));
        foreach (var key in (byte[][])[encrypted, encrypted[..^40], damaged, Encoding.ASCII.GetBytes(pair.KeyPem[..^50]), Encoding.ASCII.GetBytes(TestPair.Make().KeyPem), []])
            Touch(KeyPath, key);
        foreach (var both in (byte[][])[pfx, pfx[..^30], wrong, Encoding.ASCII.GetBytes(pair.KeyPem + pair.CertificatePem)])
        {
            Files.Write(CertPath, both);
            Touch(KeyPath, both);
        }

        Files.Write(CertPath, pair.CertificatePem);
        Touch(KeyPath, Encoding.ASCII.GetBytes(PemEncoding.WriteString("STRANGE " + Convert.ToHexString(KeyMark), KeyMark)));
        Files.Write(PasswordPath, [.. Encoding.ASCII.GetBytes(Password), 0xff]);
        Touch(KeyPath, encrypted);
        Files.Write(PasswordPath, Password);
        Files.Fail(KeyPath, new UnauthorizedAccessException());
        Touch(KeyPath, encrypted);
        Files.Fail(KeyPath, null);
        Files.Delete(PasswordPath);
        Touch(KeyPath, encrypted);

        // Faults of actors, restarts, and dead letters.
        Files.AfterRead = _ => throw new InvalidOperationException("a fault");
        Files.Write(KeyPath, pair.KeyPem);
        Raise(KeyPath);
        Pass(seconds: 2);
        Files.AfterRead = null;
        Pass(seconds: 10);
        Supervisor.Tell(Akka.Actor.Kill.Instance);
        Barrier();
        Pass(seconds: 2);

        Add(Status());
        Add(Status("other"));
        using (var metrics = new MetricReader(Meter))
            Add(string.Join('\n', metrics.Read().Select(series => $"{series.Metric} {string.Join(' ', series.Tags)}")));
        Add(new CertificatesOptions { Certificates = [Options() with { PasswordPath = PasswordPath }] });
        Add(CertificateCheck.Run(Files, Options() with { PasswordPath = PasswordPath }, Sys.Scheduler.Now));
        var other = new CertificateHolder();
        Add(await Assert.ThrowsAsync<CertificateNotLoadedException>(() => other.WaitForFirstAsync(TimeSpan.Zero)));
        Add(Current.ToString());
        News().ForEach(Add);
        foreach (var line in Logged())
            Add(line);
        Stop();
    }

    private void Touch(string path, byte[] content)
    {
        Files.Write(path, content);
        Raise(path);
        Pass(seconds: 6, stepMilliseconds: 500);
        var asker = CreateTestProbe();
        Supervisor.Tell(new ReloadNow(), asker);
        Barrier();
        Add(asker.ExpectMsg<ReloadNowResult>());
    }

    private void Add(object output) => _output.Enqueue(output);

    private IReadOnlyList<string> Found() =>
        [.. _output.SelectMany(output => Walk.Find(output, [KeyMark, Encoding.ASCII.GetBytes(Password)])).Distinct()];

    private static byte[] Decode(string pem) => Convert.FromBase64String(pem[PemEncoding.Find(pem).Base64Data]);

    private static TestPair Marked()
    {
        using var key = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = KeyMark });
        return new TestLeaf().Make(key);
    }

    private static string Encrypted(TestPair pair)
    {
        using var key = ECDsa.Create();
        key.ImportFromPem(pair.KeyPem);
        return key.ExportEncryptedPkcs8PrivateKeyPem(Password, new PbeParameters(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, 10));
    }

    private sealed class Listener : ReceiveActor
    {
        public Listener(ConcurrentQueue<object> output)
        {
            // Log events are taken as the text that is written.
            ReceiveAny(message => output.Enqueue(message is LogEvent log ? log.ToString() : message is AllDeadLetters letter ? letter.Message : message));
        }
    }
}
