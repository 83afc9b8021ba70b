using Akka.Actor;
using CertActors.Tests.Support;
using CsCheck;

namespace CertActors.IntegrationTests;

/// <summary>Whatever is done to the files on a real disk, what they lead to is served once they are left alone.</summary>
public sealed class AnySequenceTests : IDisposable
{
    private const int Sequences = 200;

    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(30);

    private readonly ActorSystem _system = ActorSystem.Create("any-sequence", "akka.loglevel = ERROR");

    public void Dispose() => _system.Dispose();

    [Fact]
    public async Task Once_the_files_are_left_alone_what_they_lead_to_is_served_or_a_pair_that_was_good() =>
        await FileSteps.Any.List[1, 12].SampleAsync(
            CheckAsync,
            iter: Sequences,
            threads: 2,
            print: steps => string.Join("; ", steps.Select(step => step.Name)));

    private async Task CheckAsync(List<(string Name, Action<IFileSteps> Do)> steps)
    {
        var root = Directory.CreateTempSubdirectory("certactors-test-");
        var files = new DiskFileSteps(root.FullName);
        files.MakeDirectory("/certs");
        var holder = new CertificateHolder();
        var pair = new CertificateOptions
        {
            CertificatePath = root.FullName + FileSteps.Certificate,
            KeyPath = root.FullName + FileSteps.Key,
            DebounceWindow = TimeSpan.FromMilliseconds(20),

            // So rare that no poll can help out.
            PollIntervalWithEvents = TimeSpan.FromHours(1),
        };
        var supervisor = _system.ActorOf(CertificateSupervisor.Props(holder, pair));
        try
        {
            await Wait.UntilAsync(async () => (await StatusAsync(supervisor)) is { WatchMode: WatchMode.Events, LastFailure: not null });
            HashSet<string?> good = [null];
            foreach (var (_, step) in steps)
            {
                step(files);
                good.Add(FileSteps.Resolve(files));
            }

            if (FileSteps.Resolve(files) is { } expected)
                await Wait.UntilAsync(() => Task.FromResult(holder.Current?.Facts.Sha256 == expected));
            else
                await Wait.UntilAsync(async () => (await StatusAsync(supervisor)).LastFailure is not null);
            Assert.Contains(holder.Current?.Facts.Sha256, good);
        }
        finally
        {
            await supervisor.GracefulStop(Generous);
            root.Delete(recursive: true);
        }
    }

    private static async Task<CertificateStatus> StatusAsync(IActorRef supervisor) =>
        (await supervisor.Ask<CertificateSupervisorStatus>(GetStatus.Instance, Generous)).Certificates[0];
}
