import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.File;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.text.Collator;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.FormatStyle;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import javax.imageio.ImageIO;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;

import com.sun.net.httpserver.HttpServer;

/**
 * What a Java program expects of the image, in one run. Prints `ok`, or what went wrong.
 *
 * <p>Arguments: the version that Java must be of, then the address of a server that an authority of
 * the test's own vouches for, `trusted` or `refused`, and the home of the user that it must run as, in
 * which it must be; or `hello`, to be greeted.
 */
public final class Checks {
    private static void check(boolean holds, Object... about) {
        if (!holds) {
            throw new AssertionError(Arrays.toString(about));
        }
    }

    /** Text is drawn, with another picture for each kind of letters, and survives as PNG and JPEG. */
    private static void draws() throws IOException {
        int[] ink = new int[3];
        String[] fonts = {Font.SERIF, Font.SANS_SERIF, Font.MONOSPACED};
        for (int i = 0; i < fonts.length; i++) {
            BufferedImage image = new BufferedImage(300, 40, BufferedImage.TYPE_INT_RGB);
            Graphics2D graphics = image.createGraphics();
            graphics.setColor(Color.WHITE);
            graphics.fillRect(0, 0, 300, 40);
            graphics.setColor(Color.BLACK);
            graphics.setFont(new Font(fonts[i], Font.PLAIN, 20));
            graphics.drawString("Grüße aus dem Bild", 5, 30);
            graphics.dispose();
            for (String format : new String[] {"png", "jpg"}) {
                File file = File.createTempFile("text-ü", "." + format);
                check(ImageIO.write(image, format, file), format);
                BufferedImage read = ImageIO.read(file);
                check(read.getWidth() == 300, format);
                ink[i] = 0;
                for (int x = 0; x < 300; x++) {
                    for (int y = 0; y < 40; y++) {
                        ink[i] += (read.getRGB(x, y) & 0xff) < 128 ? 1 : 0;
                    }
                }
                check(ink[i] > 300, fonts[i], format, ink[i]);
                check(file.delete());
            }
        }
        check(ink[0] != ink[1] && ink[1] != ink[2], "the fonts are one", ink[0], ink[1], ink[2]);
    }

    private static void names() throws IOException {
        check("UTF-8".equals(System.getProperty("sun.jnu.encoding")), System.getProperty("sun.jnu.encoding"));
        check(Charset.defaultCharset().equals(StandardCharsets.UTF_8), Charset.defaultCharset());
        Path folder = Files.createTempDirectory("grüße");
        Path file = Files.writeString(folder.resolve("ü-日本.txt"), "ä");
        String[] names = folder.toFile().list();
        check(names.length == 1 && names[0].equals("ü-日本.txt"), Arrays.toString(names));
        check(Files.readString(file).equals("ä"));
        Files.delete(file);
        Files.delete(folder);
        check(Charset.isSupported("IBM037") && Charset.isSupported("Shift_JIS"));
    }

    private static void languages() {
        ZonedDateTime day = ZonedDateTime.of(2024, 2, 29, 13, 0, 0, 0, ZoneId.of("Europe/Berlin"));
        DateTimeFormatter format = DateTimeFormatter.ofLocalizedDate(FormatStyle.FULL);
        String german = format.withLocale(Locale.GERMANY).format(day);
        check(german.equals("Donnerstag, 29. Februar 2024"), german);
        check(String.format(Locale.GERMANY, "%,.2f", 1234.5).equals("1.234,50"));
        String zone = ZoneId.systemDefault().getId();
        check(zone.equals("Etc/UTC"), zone);
        check(Collator.getInstance(Locale.forLanguageTag("sv")).compare("ä", "z") > 0);
    }

    private static void serves() throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.start();
        URI address = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/");
        HttpRequest request = HttpRequest.newBuilder(address).POST(HttpRequest.BodyPublishers.ofString("hällo")).build();
        HttpResponse<String> answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        check(answer.statusCode() == 200 && answer.body().equals("hällo"), answer);
        server.stop(0);
    }

    /** A program that is not there is said to be not there, by jspawnhelper; one that is, runs. */
    private static void starts(String home, String version) throws Exception {
        try {
            new ProcessBuilder("sh", "-c", "true").start();
            check(false, "there is a shell");
        } catch (IOException error) {
            check(error.getMessage().matches(".*error(=|: )2.*No such file or directory.*"), error);
        }
        String jar = Path.of(Checks.class.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
        for (String[] command : new String[][] {
            {home + "/bin/java", "-jar", jar, "hello"},
            {"java", "-jar", jar, "hello"},
            {home + "/lib/jexec", jar, "hello"},
        }) {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
            String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            check(process.waitFor(1, TimeUnit.MINUTES) && said.equals("hello " + version + "\n"), Arrays.toString(command), said);
        }
        check(Files.isExecutable(Path.of(home, "lib", "jspawnhelper")));
        for (String gone : new String[] {"javac", "jar", "jshell", "jlink", "jpackage"}) {
            check(Files.notExists(Path.of(home, "bin", gone)), gone);
        }
    }

    private static void trusts(String address, boolean trusted) throws Exception {
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init((KeyStore) null);
        int authorities = ((X509TrustManager) factory.getTrustManagers()[0]).getAcceptedIssuers().length;
        check(authorities > 100, authorities);
        if (address == null) {
            return;
        }
        HttpsURLConnection connection = (HttpsURLConnection) URI.create(address).toURL().openConnection();
        try {
            check(connection.getResponseCode() == 200 && trusted, connection.getResponseCode());
        } catch (SSLHandshakeException error) {
            check(!trusted, error);
        }
    }

    public static void main(String[] arguments) throws Exception {
        String version = System.getProperty("java.version");
        if (arguments[0].equals("hello")) {
            System.out.println("hello " + version);
            return;
        }
        check(version.split("\\.")[0].equals(arguments[0]), version);
        String named = System.getenv("JAVA_VERSION");
        check(named == null || named.equals(version), named, version);
        names();
        languages();
        draws();
        serves();
        starts(System.getProperty("java.home"), version);
        trusts(arguments.length > 1 ? arguments[1] : null, arguments.length > 2 && arguments[2].equals("trusted"));
        if (arguments.length > 3) {
            for (String property : new String[] {"user.home", "user.dir"}) {
                check(arguments[3].equals(System.getProperty(property)), property, System.getProperty(property));
            }
        }
        KeyPairGenerator.getInstance("Ed25519").generateKeyPair();
        System.out.println("ok");
    }
}
