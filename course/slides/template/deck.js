// Starts reveal.js, and draws a slide smaller whose contents are a little too high for it.

const WIDTH = 960, HEIGHT = 700, SMALLEST = 0.6;

function fit(slide) {
    slide.style.fontSize = "";
    for (let scale = 0.95; slide.scrollHeight > HEIGHT && scale >= SMALLEST; scale -= 0.05) {
        slide.style.fontSize = `${scale}em`;
    }
}

const fitted = (event) => fit(event.currentSlide);
Reveal.on("ready", fitted);
Reveal.on("slidechanged", fitted);
Reveal.initialize({
    width: WIDTH, height: HEIGHT, margin: 0.04, center: false, hash: true, transition: "none",
    slideNumber: "c/t", navigationMode: "linear", plugins: [RevealNotes],
});
