using System.Net.Sockets;
using System.Runtime.CompilerServices;
using CertActors;
using CertActors.Server;
using Microsoft.Extensions.Options;

const int failed = 1, usage = 2, interrupted = 130; // 128 + SIGINT, as a shell reports it.

// Standard streams are examined before any other file is opened. The signal handlers stay until the end, so that a second signal does not
// interrupt an orderly end.
RuntimeHelpers.RunClassConstructor(typeof(Output).TypeHandle);
var signals = new Signals();
try
{
    return CommandLine.Parse(args, signals.Ended, out var exitCode) switch
    {
        Arguments arguments => await RunAsync(arguments, signals),
        CheckArguments check => Check(check, signals),
        _ => exitCode,
    };
}
catch (OperationCanceledException) when (signals.Ended.IsCancellationRequested)
{
    return 0;
}
catch (InvalidDataException error)
{
    Output.Fail(error.Message); // Of the configuration, or of an environment variable.
    return usage;
}
finally
{
    Output.Flush();
}

static async Task<int> RunAsync(Arguments arguments, Signals signals)
{
    try
    {
        if (arguments is DemonstrationArguments demonstration)
            return await Demonstration.RunAsync(demonstration, signals);
        await Serving.RunAsync((ServeArguments)arguments, signals);
        return 0;
    }
    catch (SocketException error)
    {
        Output.Fail($"{arguments.Endpoint.Address} port {arguments.Endpoint.Port} cannot be listened on: {error.Message}; choose another --address or --port.");
        return failed;
    }
    catch (CertificateNotLoadedException error) when (error is { Missing.Count: 1, Failure: { } failure })
    {
        Output.Fail(CheckReport.Line(failure.Reason, failure.Message));
        return failed;
    }
    catch (OptionsValidationException error)
    {
        Output.Fail(new CertificateOptionsException([.. error.Failures]).Message);
        return usage;
    }
    catch (Exception error) when (error is CertificateNotLoadedException or IOException or UnauthorizedAccessException)
    {
        // An error that the user can fix is one line: path or address, reason, remedy.
        Output.Fail(error.Message);
        return failed;
    }
}

static int Check(CheckArguments check, Signals signals)
{
    // A check has no orderly end: a signal ends it at once, even while a disk hangs.
    signals.Dispose();
    if (signals.Ended.IsCancellationRequested)
        return interrupted;
    try
    {
        var report = new CheckReport(CertificateCheck.Run(check.Pair, DateTimeOffset.UtcNow, check.Trust, check.MinRemaining), check.IsStrict);
        Output.WriteWhole(check.IsJson ? report.Json() : report.Text(Output.ShowsColors()));
        return report.IsAccepted ? 0 : failed;
    }
    catch (CertificateOptionsException error)
    {
        Output.Fail(error.Message);
        return usage;
    }
    catch (IOException error)
    {
        Output.Fail($"the report cannot be written: {error.Message}");
        return failed;
    }
}
