using System.Net;
using System.Net.Sockets;
using CertActors;
using CertActors.Server;

var arguments = CommandLine.Parse(args, out var exitCode);
if (arguments is null)
    return exitCode;

try
{
    return arguments.Pair is { } pair
        ? await Serving.RunAsync(pair, new IPEndPoint(arguments.Address, arguments.Port))
        : await Demonstration.RunAsync(arguments);
}
catch (SocketException error)
{
    Console.Error.WriteLine($"certactors: {arguments.Address} port {arguments.Port} can't be listened on: {error.Message}; name another --address or --port.");
    return 1;
}
catch (Exception error) when (error is CertificateNotLoadedException or IOException or UnauthorizedAccessException)
{
    // What a user can mend is one line: the path or the address, the reason, the remedy.
    Console.Error.WriteLine($"certactors: {error.Message.ReplaceLineEndings(" ")}");
    return 1;
}
