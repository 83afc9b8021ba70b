using BenchmarkDotNet.Running;
using CertActors.Benchmarks;

switch (args)
{
    case ["micro", .. var options]:
        BenchmarkSwitcher.FromTypes([typeof(LookUp)]).Run(["--filter", "*", .. options]);
        return 0;
    case ["handshakes"]:
        return await Handshakes.RunAsync();
    case ["rotations"]:
        return await Rotations.RunAsync();
    case [HandshakeServer.Command, var kind, var cert, var key]:
        return await HandshakeServer.RunAsync(kind, cert, key);
    default:
        Console.Error.WriteLine("usage: CertActors.Benchmarks micro | handshakes | rotations");
        return 2;
}
