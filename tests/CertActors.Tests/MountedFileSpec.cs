using CertActors.Tests.Support;
using CertActors.Watching.Sources;

namespace CertActors.Tests;

/// <summary>A single file that is mounted from elsewhere, as by Kubernetes' subPath: a rename there never reaches it.</summary>
public sealed class MountedFileSpec : PipelineKit
{
    [Fact]
    public void What_is_written_in_place_outside_is_an_event_of_the_file_itself()
    {
        MountBoth();
        Write(TestPair.Make());
        Start();
        Assert.Equal(["/", "/certs", CertPath, KeyPath], Events.Directories);

        var next = Write(TestPair.Make());
        Events.RaiseDirectory(KeyPath, FileEventKind.Written);
        Barrier();
        AdvancePastDebounce();

        Assert.Equal((2, next.Sha256), (Current.Generation, Current.Facts.Sha256));
        Assert.Equal(ReloadReason.FileChange, News<CertificateChanged>()[^1].Reason);
    }

    [Fact]
    public void It_is_warned_of_once_for_each_file_with_the_remedy()
    {
        MountBoth();
        Write(TestPair.Make());
        Start();
        Rotate(TestPair.Make());
        AdvancePastDebounce();

        var warnings = Logged().Where(entry => entry.Contains("mounted as a single file", StringComparison.Ordinal)).ToArray();
        Assert.Equal(2, warnings.Length);
        Assert.Single(warnings, warning => warning.Contains(CertPath, StringComparison.Ordinal));
        Assert.Single(warnings, warning => warning.Contains(KeyPath, StringComparison.Ordinal));
        Assert.All(warnings, warning => Assert.Contains("mount its directory", warning, StringComparison.Ordinal));
    }

    [Fact]
    public void That_it_was_replaced_outside_is_noticed_by_its_link_count_and_warned_of_once()
    {
        Files.Mount(CertPath, device: 2);
        Write(TestPair.Make());
        Start();
        Files.Unlink(CertPath);
        Events.RaiseDirectory(CertPath, FileEventKind.Attributes);
        Barrier();
        AdvancePastDebounce();
        Assert.Single(Logged(), entry => entry.Contains("link count 0", StringComparison.Ordinal) && entry.Contains("mount its directory", StringComparison.Ordinal));

        for (var i = 0; i < 3; i++)
        {
            Events.RaiseDirectory(CertPath, FileEventKind.Attributes);
            Pass(seconds: 20, stepMilliseconds: 500);
        }

        Assert.Single(Logged(), entry => entry.Contains("link count 0", StringComparison.Ordinal));
        Assert.Equal(1, Current.Generation);
    }

    [Fact]
    public void That_it_was_replaced_outside_is_warned_of_also_where_the_rest_does_not_fit_it()
    {
        Files.Mount(CertPath, device: 2);
        Write(TestPair.Make());
        Start();
        Files.Unlink(CertPath);
        Files.Write(KeyPath, TestPair.Make().KeyPem);
        Raise(KeyPath);
        Pass(seconds: 120, stepMilliseconds: 500);
        Assert.Equal(RejectionReason.KeyMismatch, Status().LastFailure?.Reason);
        Assert.Single(Logged(), entry => entry.Contains("link count 0", StringComparison.Ordinal));
    }

    [Fact]
    public void The_check_says_both()
    {
        MountBoth();
        Write(new TestLeaf { NotAfter = DateTimeOffset.MaxValue.AddYears(-1) }.Make());
        Files.Unlink(KeyPath);

        var report = CertificateCheck.Run(Files, Options(), TestTime.Start.AddYears(1));

        Assert.True(report.IsAccepted);
        Assert.Single(report.Findings, finding => finding.Message.Contains($"{CertPath} is mounted as a single file", StringComparison.Ordinal));
        Assert.Single(report.Findings, finding => finding.Message.Contains("link count 0", StringComparison.Ordinal));
    }

    [Fact]
    public void A_directory_that_is_a_mount_point_is_as_any_other()
    {
        Files.Mount("/certs", device: 2);
        Write(TestPair.Make());
        Start();
        Assert.Equal(["/", "/certs"], Events.Directories);
        Assert.DoesNotContain(Logged(), entry => entry.Contains("mounted as", StringComparison.Ordinal));
    }

    private void MountBoth()
    {
        Files.Mount(CertPath, device: 2);
        Files.Mount(KeyPath, device: 2);
    }
}
