for (const viewer of document.querySelectorAll('.viewer')) {
  const slice = viewer.querySelector('.slice'), range = viewer.querySelector('input');
  const position = viewer.querySelector('output');
  const show = () => {
    slice.style.backgroundPositionY = -slice.clientHeight * range.value + 'px';
    position.textContent = 'slice ' + (+range.value + 1) + ' of ' + (+range.max + 1);
  };
  range.oninput = show;
  slice.onwheel = event => { event.preventDefault(); range.value = +range.value - Math.sign(event.deltaY); show(); };
  show();
}
