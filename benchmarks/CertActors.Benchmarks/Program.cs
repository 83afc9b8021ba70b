using System.Globalization;
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
    case ["watching"]:
        return await Watching.RunAsync(pairs: 10_000);
    case ["watching", var pairs] when int.TryParse(pairs, CultureInfo.InvariantCulture, out var count) && count > 0:
        return await Watching.RunAsync(count);
    case [HandshakeServer.Command, var kind, var cert, var key]:
        return await HandshakeServer.RunAsync(kind, cert, key);
    default:
        Console.Error.WriteLine("usage: CertActors.Benchmarks micro | handshakes | rotations | watching [pairs]");
        return 2;
}
